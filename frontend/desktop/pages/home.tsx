import { Button, Group, Paper, Progress, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { bytes, short, when } from "../../shared/format";
import { Icon } from "../../shared/icons";
import { useChange, useRules } from "../agent";
import type { Status } from "../bridge";
import { Chart } from "../parts/chart";
import { Problem } from "../parts/problem";
import type { Sample } from "../parts/traffic";

type Tone = "good" | "rest" | "bad";

/** stateOf is the one honest sentence about a node, with what to do if something is. */
export function stateOf(s: Status, t: TFunction, locale: string): { tone: Tone; title: string; text: string } {
  const until = s.sharing.until ? t("home.until", { at: when(s.sharing.until, locale) }) : "";
  if (!s.sharing.ok) {
    const why = t(`home.because.${s.sharing.rule}`, { defaultValue: s.sharing.sentence });
    return { tone: "rest", title: t("home.paused"), text: `${why} ${until}`.trim() };
  }
  const routers = s.routers ?? [];
  if (routers.length === 0) return { tone: "bad", title: t("home.nowhere"), text: t("home.nowhereText") };
  const connected = routers.find((r) => r.connected);
  if (connected) {
    return { tone: "good", title: t("home.sharing"), text: t("home.sharingText", { count: s.tunnels.open }) };
  }
  const broken = routers.find((r) => r.problem);
  if (broken) {
    const next = broken.next_try ? t("home.nextTry", { at: when(broken.next_try, locale) }) : "";
    return { tone: "bad", title: t("home.unreachable"), text: `${broken.problem} ${next}`.trim() };
  }
  return { tone: "rest", title: t("home.connecting"), text: t("home.connectingText") };
}

export function Home({ status, traffic }: { status: Status; traffic: Sample[] }): ReactNode {
  const { t, i18n } = useTranslation();
  const locale = i18n.language;
  const state = stateOf(status, t, locale);
  const home = status.routers?.find((r) => r.connected) ?? status.routers?.[0];
  return (
    <Stack>
      <Paper withBorder p="lg" className={`state tone-${state.tone}`}>
        <div aria-live="polite">
          <Title order={2}>{state.title}</Title>
          <Text size="lg" mt={4}>
            {state.text}
          </Text>
        </div>
        <PauseButtons status={status} />
      </Paper>
      <Paper withBorder p="lg">
        <Title order={3} size="h5" mb="xs">
          {t("home.line")}
        </Title>
        <Chart samples={traffic} />
      </Paper>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Used status={status} />
        <Paper withBorder p="lg">
          <Title order={3} size="h5" mb="xs">
            {t("home.router")}
          </Title>
          {home ? (
            <Stack gap={2}>
              <Text title={home.router}>{short(home.router)}</Text>
              <Text size="sm" c="dimmed">
                {home.connected ? t("home.since", { at: when(home.since!, locale), carrier: (home.carrier ?? "").toUpperCase() }) : t("home.notConnected")}
              </Text>
              {home.country && <Text size="sm">{t("home.country", { country: countryName(home.country, locale) })}</Text>}
            </Stack>
          ) : (
            <Text>{t("home.nowhereText")}</Text>
          )}
          <Text size="sm" mt="sm">
            {t("home.tunnels", { reached: status.tunnels.reached, failed: status.tunnels.failed, refused: status.tunnels.refused })}
          </Text>
        </Paper>
      </SimpleGrid>
    </Stack>
  );
}

function countryName(code: string, locale: string): string {
  try {
    return new Intl.DisplayNames(locale, { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

function PauseButtons({ status }: { status: Status }): ReactNode {
  const { t } = useTranslation();
  const pause = useChange((b, until: string) => b.Pause(until));
  const resume = useChange((b) => b.Resume());
  const tomorrow = () => {
    const at = new Date();
    at.setHours(24, 0, 0, 0);
    return at.toISOString();
  };
  return (
    <>
      <Group mt="md" gap="xs">
        {status.sharing.rule === "pause" ? (
          <Button leftSection={<Icon name="play" />} loading={resume.isPending} onClick={() => resume.mutate()}>
            {t("home.resume")}
          </Button>
        ) : (
          <>
            <Button variant="default" leftSection={<Icon name="pause" />} loading={pause.isPending} onClick={() => pause.mutate(new Date(Date.now() + 3_600_000).toISOString())}>
              {t("home.pauseHour")}
            </Button>
            <Button variant="default" onClick={() => pause.mutate(tomorrow())}>
              {t("home.pauseTomorrow")}
            </Button>
            <Button variant="default" onClick={() => pause.mutate("")}>
              {t("home.pauseOpen")}
            </Button>
          </>
        )}
      </Group>
      <Problem error={pause.error ?? resume.error} />
    </>
  );
}

function Used({ status }: { status: Status }): ReactNode {
  const { t, i18n } = useTranslation();
  const caps = useRules().data?.settings.caps;
  const row = (label: string, used: number, cap: number | undefined) => (
    <div>
      <Group justify="space-between" gap="xs">
        <Text>{label}</Text>
        <Text fw={600}>{cap ? t("home.of", { used: bytes(used, i18n.language), cap: bytes(cap, i18n.language) }) : bytes(used, i18n.language)}</Text>
      </Group>
      {cap ? <Progress value={Math.min(100, (100 * used) / cap)} aria-label={label} mt={4} /> : null}
    </div>
  );
  return (
    <Paper withBorder p="lg">
      <Title order={3} size="h5" mb="xs">
        {t("home.used")}
      </Title>
      <Stack gap="sm">
        {row(t("home.today"), status.used.day, caps?.daily_bytes)}
        {row(t("home.month"), status.used.month, caps?.monthly_bytes)}
        {!caps?.monthly_bytes && (
          <Text size="sm" c="dimmed">
            {t("home.noCap")}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
