import { Badge, Button, Code, Group, Modal, Paper, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { memo, type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { bytes, short, visible, when } from "../../shared/format";
import { newest, useChange, useJournal, useRules } from "../agent";
import type { Entry } from "../bridge";
import { Problem } from "../parts/problem";
import { asCSV, asVisits, type Visit } from "../parts/visits";

/** page is how many rows are shown at first, and more at each wish. */
const page = 50;

export function Activity(): ReactNode {
  const { t } = useTranslation();
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim().toLowerCase(), 200);
  const journal = useJournal("");
  const rules = useRules();
  const [shown, show] = useState<Visit>();
  const [most, setMost] = useState(page);
  const block = useChange((b, site: string) => b.BlockSite(site));
  const unblock = useChange((b, site: string) => b.UnblockSite(site));
  const save = useChange((b, visits: Visit[]) => b.SaveReport("fallow-connections.csv", asCSV(visits)));

  const visits = useMemo(() => asVisits(journal.data ?? []), [journal.data]);
  const found = visits.filter((v) => wanted === "" || v.host.includes(wanted) || v.purpose.toLowerCase().includes(wanted) || v.dataset.toLowerCase().includes(wanted));
  const on = useMemo<Actions>(() => ({ details: show, block: block.mutate, unblock: unblock.mutate }), [block.mutate, unblock.mutate]);
  const denied = new Set(rules.data?.settings.deny ?? []);

  return (
    <Stack>
      <Group justify="space-between" align="end">
        <div>
          <Title order={2}>{t("activity.title")}</Title>
          <Text c="dimmed">{t("activity.intro", { count: newest })}</Text>
        </div>
        <Button variant="default" loading={save.isPending} disabled={found.length === 0} onClick={() => save.mutate(found)}>
          {t("activity.export")}
        </Button>
      </Group>
      <TextInput label={t("activity.search")} value={search} onChange={(e) => setSearch(e.currentTarget.value)} type="search" />
      <Problem error={journal.error ?? block.error ?? unblock.error ?? save.error} />
      {save.data ? <Text role="status">{t("saved", { path: save.data })}</Text> : null}
      {journal.data && found.length === 0 ? (
        <Paper withBorder p="lg">
          <Text>{t(visits.length === 0 ? "activity.empty" : "activity.none")}</Text>
        </Paper>
      ) : (
        <Table.ScrollContainer minWidth={620}>
          <Table verticalSpacing={6} striped>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("activity.when")}</Table.Th>
                <Table.Th>{t("activity.site")}</Table.Th>
                <Table.Th>{t("activity.purpose")}</Table.Th>
                <Table.Th ta="end">{t("activity.bytes")}</Table.Th>
                <Table.Th>{t("activity.actions")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.slice(0, most).map((v) => (
                <Row key={v.seq} visit={v} denied={denied.has(v.host)} on={on} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {found.length > most && (
        <Button variant="default" onClick={() => setMost(most + page)}>
          {t("activity.more", { count: found.length - most })}
        </Button>
      )}
      <Modal opened={shown !== undefined} onClose={() => show(undefined)} title={shown ? visible(shown.host) : ""} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
        {shown && <Details visit={shown} />}
      </Modal>
    </Stack>
  );
}

interface Actions {
  details: (v: Visit) => void;
  block: (site: string) => void;
  unblock: (site: string) => void;
}

// The list is asked for every two seconds; a row that says the same is not drawn again.
const Row = memo(
  function Row({ visit: v, denied, on }: { visit: Visit; denied: boolean; on: Actions }): ReactNode {
    const { t, i18n } = useTranslation();
    const site = visible(v.host);
    return (
      <Table.Tr>
        <Table.Td style={{ whiteSpace: "nowrap" }}>{when(v.time, i18n.language)}</Table.Td>
        <Table.Td>
          <bdi>{site}</bdi>
          {v.state !== "closed" && (
            <Badge ms={6} size="sm" variant="outline" color="gray" c="dimmed" tt="none">
              {t(`activity.${v.state}`)}
            </Badge>
          )}
        </Table.Td>
        <Table.Td>
          <bdi>{visible(v.purpose)}</bdi>
          <Text size="xs" c="dimmed">
            <bdi>{visible(v.dataset)}</bdi>
          </Text>
        </Table.Td>
        <Table.Td ta="end" style={{ whiteSpace: "nowrap" }}>
          {bytes(v.down + v.up, i18n.language)}
        </Table.Td>
        <Table.Td>
          <Group gap={4} wrap="nowrap">
            <Button size="compact-xs" variant="default" onClick={() => on.details(v)} aria-label={t("activity.detailsOf", { site })}>
              {t("activity.details")}
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => (denied ? on.unblock(v.host) : on.block(v.host))}
              aria-label={t(denied ? "activity.unblockSite" : "activity.blockSite", { site })}
            >
              {t(denied ? "activity.unblock" : "activity.block")}
            </Button>
          </Group>
        </Table.Td>
      </Table.Tr>
    );
  },
  (a, b) => a.denied === b.denied && a.on === b.on && a.visit.seq === b.visit.seq && a.visit.entries.length === b.visit.entries.length,
);

function Details({ visit }: { visit: Visit }): ReactNode {
  const { t } = useTranslation();
  const rows: [string, string | undefined][] = [
    ["time", new Date(visit.time).toLocaleString()],
    ["port", String(visit.port)],
    ["address", visit.address],
    ["down", String(visit.down)],
    ["up", String(visit.up)],
    ["outcome", visit.reason],
    ["job", visit.job],
    ["router", visit.router && short(visit.router)],
    ["serial", visit.serial],
  ];
  return (
    <Stack gap="sm">
      <Table variant="vertical" withTableBorder>
        <Table.Tbody>
          {rows
            .filter(([, value]) => value)
            .map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Th w="9rem">{t(`activity.field.${name}`)}</Table.Th>
                <Table.Td>{visible(value!)}</Table.Td>
              </Table.Tr>
            ))}
        </Table.Tbody>
      </Table>
      {visit.urls.length > 0 && (
        <div>
          <Text fw={600}>{t("activity.urls")}</Text>
          {visit.urls.map((u) => (
            <Text key={u} size="sm">
              {visible(u)}
            </Text>
          ))}
        </div>
      )}
      <Text size="sm">{t("activity.proof")}</Text>
      {visit.entries.map((e: Entry) => (
        <Code block key={e.seq} style={{ maxHeight: "12rem", overflow: "auto", whiteSpace: "pre-wrap" }} tabIndex={0}>
          {visible(JSON.stringify(e, null, 1)).replaceAll("⟨U+000A⟩", "\n")}
        </Code>
      ))}
    </Stack>
  );
}
