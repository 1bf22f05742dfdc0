import { Accordion, Badge, Group, List, Paper, Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { bytes, points, short, when } from "../../shared/format";
import { useAgent, useEarnings } from "../agent";
import type { Epoch } from "../bridge";
import { Problem } from "../parts/problem";

export function EarningsPage(): ReactNode {
  const { t, i18n } = useTranslation();
  const earnings = useEarnings();
  const payout = useAgent().data?.status?.payout;
  const report = earnings.data;
  return (
    <Stack>
      <div>
        <Title order={2}>{t("earnings.title")}</Title>
        <Text c="dimmed">{t("earnings.intro")}</Text>
      </div>
      <Problem error={earnings.error} />
      {report?.routers.map((r) => (
        <Paper key={r.router} withBorder p="lg">
          <Text>{t("earnings.total", { router: short(r.router) })}</Text>
          <Text fz="2rem" fw={700} my={4}>
            {t("earnings.points", { n: points(BigInt(r.cumulative), i18n.language) })}
          </Text>
          {r.open?.map((o) => (
            <Text key={o.epoch} size="sm">
              {t("earnings.open", { epoch: o.epoch, bytes: bytes(o.bytes, i18n.language) })}
            </Text>
          ))}
        </Paper>
      ))}
      {payout && (
        <Text size="sm">
          {t("earnings.payout")} {payout.own ? t("earnings.payoutOwn") : t("earnings.payoutOther", { address: payout.address })}
        </Text>
      )}
      {report && report.epochs.length === 0 && (
        <Paper withBorder p="lg">
          <Text>{t("earnings.empty")}</Text>
        </Paper>
      )}
      <Accordion variant="separated" order={3}>
        {report?.epochs.map((e) => (
          <Accordion.Item key={`${e.router} ${e.epoch}`} value={`${e.router} ${e.epoch}`}>
            <Accordion.Control>
              <Group gap="xs">
                {t("earnings.epoch", { epoch: e.epoch, end: when(e.end, i18n.language), points: points(BigInt(e.amount), i18n.language) })}
                {against(e) && (
                  <Badge variant="outline" color="gray" c="var(--mantine-color-text)" tt="none">
                    {t("earnings.attention")}
                  </Badge>
                )}
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <Statement epoch={e} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      {report?.fetched?.problem && (
        <Text size="sm" c="dimmed" role="status">
          {report.fetched.problem}
        </Text>
      )}
      {report?.damaged && (
        <Paper withBorder p="lg" role="alert">
          <Title order={3} size="h5">
            {t("earnings.damaged")}
          </Title>
          <List size="sm">
            {report.damaged.map((d) => (
              <List.Item key={d}>{d}</List.Item>
            ))}
          </List>
        </Paper>
      )}
    </Stack>
  );
}

function against(e: Epoch): boolean {
  return e.differences?.some((d) => d.severity === "against") ?? false;
}

function units(n: string, locale: string): string {
  return new Intl.NumberFormat(locale).format(BigInt(n));
}

function Statement({ epoch: e }: { epoch: Epoch }): ReactNode {
  const { t, i18n } = useTranslation();
  const locale = i18n.language;
  const amount = (micro: string) => points(BigInt(micro), locale);
  const hours = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(e.online_seconds / 3600);
  const rows: [string, string, string][] = [
    [
      t("earnings.carriage"),
      [t("earnings.carriageHow", { bytes: bytes(e.bytes_signed, locale) }), e.bytes_unsigned > 0 && t("earnings.unsigned", { bytes: bytes(e.bytes_unsigned, locale) })].filter(Boolean).join(", "),
      amount(e.carriage),
    ],
    [t("earnings.availability"), t("earnings.availabilityHow", { hours }), amount(e.availability)],
    ...(e.correction === "0" ? [] : [[t("earnings.correction"), t("earnings.correctionHow"), amount(e.correction)] satisfies [string, string, string]]),
    [t("earnings.sum"), t("earnings.standing", { n: e.standing_permille, m: e.scarcity_permille }), amount(e.amount)],
    [t("earnings.cumulative"), "", amount(e.cumulative)],
  ];
  return (
    <Stack gap="sm">
      <Table.ScrollContainer minWidth={420}>
        <Table>
          <Table.Tbody>
            {rows.map(([what, how, n]) => (
              <Table.Tr key={what}>
                <Table.Th scope="row">{what}</Table.Th>
                <Table.Td>{how}</Table.Td>
                <Table.Td ta="end">{n}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {e.royalty_ever !== "0" && (
        <Text size="sm">
          {t("earnings.royalty", { n: units(e.royalty, locale), all: units(e.royalty_ever, locale) })}
        </Text>
      )}
      {e.differences?.map((d) => (
        <Text key={d.what} size="sm" fw={d.severity === "against" ? 700 : 400}>
          {d.sentence}
        </Text>
      ))}
      <Text size="sm" c="dimmed">
        {t("earnings.verified", { root: short(e.root), nodes: e.nodes, file: short(e.file_hash) })}
      </Text>
    </Stack>
  );
}
