import { Badge, Button, Checkbox, Fieldset, Group, NumberInput, Paper, SimpleGrid, Stack, Switch, Text, Textarea, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { useChange, useRules } from "../agent";
import type { Finding, Rules, Settings, Snapshot } from "../bridge";
import { ScheduleGrid } from "../parts/grid";
import { Problem } from "../parts/problem";
import { empty, gridOf, linesOf } from "../parts/schedule";

const GB = 1e9;
const pauses = ["in_use", "battery", "metered", "vpn", "network"] as const;

export function RulesPage(): ReactNode {
  const { t } = useTranslation();
  const rules = useRules();
  if (!rules.data) return <Problem error={rules.error} />;
  return (
    <Stack>
      <div>
        <Title order={2}>{t("rules.title")}</Title>
        <Text c="dimmed">{t("rules.intro")}</Text>
      </div>
      {/* A form keeps what its user types; it begins anew only when settings were saved. */}
      <Form key={rules.data.revision} rules={rules.data} />
    </Stack>
  );
}

function Form({ rules }: { rules: Rules }): ReactNode {
  const { t } = useTranslation();
  const [s, set] = useState<Settings>(rules.settings);
  const [deny, setDeny] = useState((rules.settings.deny ?? []).join("\n"));
  const [allow, setAllow] = useState((rules.settings.allow ?? []).join("\n"));
  const save = useChange((b, settings: Settings) => b.SetRules(rules.revision, settings));
  const grid = gridOf(s.schedule ?? []);
  const caps = (change: Partial<Settings["caps"]>) => set({ ...s, caps: { ...s.caps, ...change } });
  const lines = (text: string) => text.split(/[\s,]+/).filter(Boolean);
  const settings = { ...s, deny: lines(deny), allow: lines(allow) };
  const changed = JSON.stringify(plain(settings)) !== JSON.stringify(plain(rules.settings));
  const allowed = new Set(s.categories ?? []);

  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate(settings);
      }}
    >
      <Stack>
        <Fieldset legend={t("rules.caps")}>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
            <Amount label={t("rules.month")} value={s.caps.monthly_bytes} onChange={(n) => caps({ monthly_bytes: n })} />
            <Amount label={t("rules.day")} value={s.caps.daily_bytes} onChange={(n) => caps({ daily_bytes: n })} />
            <NumberInput label={t("rules.resetDay")} min={1} max={28} allowDecimal={false} value={s.caps.reset_day} onChange={(n) => caps({ reset_day: Number(n) || 1 })} />
            <NumberInput label={t("rules.speed")} description={t("rules.zero")} min={0} max={100_000} suffix=" Mbit/s" value={s.caps.mbit_per_second ?? 0} onChange={(n) => caps({ mbit_per_second: Number(n) || 0 })} />
            <NumberInput label={t("rules.tunnels")} description={t("rules.tunnelsHelp")} min={1} max={1024} allowDecimal={false} value={s.caps.max_tunnels} onChange={(n) => caps({ max_tunnels: Number(n) || 1 })} />
          </SimpleGrid>
        </Fieldset>

        <Fieldset legend={t("rules.schedule")}>
          {grid ? (
            <>
              <ScheduleGrid grid={grid} onChange={(g) => set({ ...s, schedule: empty(g) ? s.schedule : linesOf(g) })} />
              <Group mt="xs">
                <Button size="xs" variant="default" onClick={() => set({ ...s, schedule: [] })}>
                  {t("rules.always")}
                </Button>
                <Button size="xs" variant="default" onClick={() => set({ ...s, schedule: ["daily 22:00-07:00"] })}>
                  {t("rules.nights")}
                </Button>
              </Group>
            </>
          ) : (
            <Text>{t("rules.fine", { lines: (s.schedule ?? []).join("; ") })}</Text>
          )}
        </Fieldset>

        <Fieldset legend={t("rules.pauses")}>
          <Stack gap="sm">
            {pauses.map((p) => (
              <div key={p}>
                <Switch label={t(`rules.pause.${p}`)} checked={s.auto_pause[p]} onChange={(e) => set({ ...s, auto_pause: { ...s.auto_pause, [p]: e.currentTarget.checked } })} />
                <Seen what={p} seen={rules.seen} />
              </div>
            ))}
            <NumberInput label={t("rules.idle")} min={1} max={1440} allowDecimal={false} w="16rem" value={s.auto_pause.idle_minutes} onChange={(n) => set({ ...s, auto_pause: { ...s.auto_pause, idle_minutes: Number(n) || 1 } })} />
          </Stack>
        </Fieldset>

        <Fieldset legend={t("rules.sites")}>
          <Stack>
            <Text size="sm">{t("rules.categoriesHelp")}</Text>
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              {rules.categories.map((c) => (
                <Checkbox
                  key={c.name}
                  label={c.title}
                  description={t("rules.listed", { count: c.sites.length })}
                  checked={allowed.has(c.name)}
                  onChange={(e) => set({ ...s, categories: e.currentTarget.checked ? [...allowed, c.name] : [...allowed].filter((n) => n !== c.name) })}
                />
              ))}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <Textarea label={t("rules.deny")} description={t("rules.denyHelp")} autosize minRows={3} maxRows={12} value={deny} onChange={(e) => setDeny(e.currentTarget.value)} spellCheck={false} />
              <Textarea label={t("rules.allow")} description={t("rules.allowHelp")} autosize minRows={3} maxRows={12} value={allow} onChange={(e) => setAllow(e.currentTarget.value)} spellCheck={false} />
            </SimpleGrid>
            <Switch label={t("rules.strict")} description={t("rules.strictHelp")} checked={s.strict} onChange={(e) => set({ ...s, strict: e.currentTarget.checked })} />
          </Stack>
        </Fieldset>

        <Problem error={save.error} />
        <Paper withBorder p="sm" pos="sticky" bottom={0}>
          <Group justify="space-between">
            <Text size="sm" role="status">
              {changed ? t("rules.unsaved") : t("rules.saved")}
            </Text>
            <Button type="submit" disabled={!changed} loading={save.isPending}>
              {t("rules.save")}
            </Button>
          </Group>
        </Paper>
      </Stack>
    </form>
  );
}

/** plain leaves out what means the same as nothing. */
function plain(s: Settings): unknown {
  const list = (l: string[] | undefined) => [...(l ?? [])].sort();
  return [list(s.deny), list(s.allow), list(s.categories), s.schedule ?? [], s.strict, s.caps.max_tunnels, s.caps.reset_day, s.caps.daily_bytes ?? 0, s.caps.monthly_bytes ?? 0, s.caps.mbit_per_second ?? 0, s.auto_pause];
}

function Amount({ label, value, onChange }: { label: string; value: number | undefined; onChange: (bytes: number) => void }): ReactNode {
  const { t } = useTranslation();
  return <NumberInput label={label} description={t("rules.zero")} min={0} max={1_000_000} suffix=" GB" value={(value ?? 0) / GB} onChange={(n) => onChange(Math.round((Number(n) || 0) * GB))} />;
}

function Seen({ what, seen }: { what: (typeof pauses)[number]; seen: Snapshot | undefined }): ReactNode {
  const { t } = useTranslation();
  if (!seen?.at && !seen?.network) return null;
  if (what === "network") {
    return (
      <Text size="sm" c="dimmed">
        {seen.network.name ? t("rules.network", { name: seen.network.name }) : (seen.network.why ?? "")}
      </Text>
    );
  }
  const finding: Finding = seen[what];
  return (
    <Group gap={6}>
      <Badge size="sm" variant="outline" color="gray" tt="none">
        {t(`rules.answer.${finding.answer}`)}
      </Badge>
      <Text size="sm" c="dimmed">
        {finding.why}
      </Text>
    </Group>
  );
}
