import { ActionIcon, Button, Group, Modal, Paper, PasswordInput, SegmentedControl, Select, Stack, Text, TextInput, Title, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { short } from "../../shared/format";
import { chooseLanguage, type Language, languages } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { useBridge, useChange } from "../agent";
import type { Examination, State } from "../bridge";
import { Problem } from "../parts/problem";

const minPassphrase = 10; // characters, the agent's own bound

export function SettingsPage({ state }: { state: State }): ReactNode {
  const { t } = useTranslation();
  return (
    <Stack>
      <Title order={2}>{t("settings.title")}</Title>
      <Look />
      <Routers />
      <Identity node={state.status!.node} />
      <Diagnosis />
      <Withdraw />
      <Section title={t("settings.about")}>
        <Text>{t("settings.versions", { window: state.version, agent: state.status!.version })}</Text>
        <Text size="sm" c="dimmed">
          Apache-2.0
        </Text>
      </Section>
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <Paper withBorder p="lg">
      <Title order={3} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Look(): ReactNode {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title={t("settings.look")}>
      <Group align="end">
        <Select label={t("settings.language")} data={Object.entries(languages).map(([value, label]) => ({ value, label }))} value={i18n.language} allowDeselect={false} onChange={(l) => chooseLanguage(l as Language)} />
        <SegmentedControl
          aria-label={t("settings.theme")}
          value={colorScheme}
          onChange={(s) => setColorScheme(s as "auto" | "light" | "dark")}
          data={(["auto", "light", "dark"] as const).map((value) => ({ value, label: t(`settings.${value}`) }))}
        />
      </Group>
    </Section>
  );
}

export function Routers(): ReactNode {
  const { t } = useTranslation();
  const bridge = useBridge();
  const routers = useQuery({ queryKey: ["routers"], queryFn: () => bridge.Routers() });
  const [address, setAddress] = useState("");
  const add = useChange((b, a: string) => b.AddRouter(a.trim(), false));
  const remove = useChange((b, key: string) => b.RemoveRouter(key));
  return (
    <Section title={t("settings.routers")}>
      <Stack gap="sm">
        <Text size="sm">{t("settings.routersHelp")}</Text>
        {routers.data?.map((r) => (
          <Group key={r.router} justify="space-between" wrap="nowrap">
            <div>
              <Text fw={600}>
                {short(r.router)} {r.home ? `· ${t("settings.home")}` : ""}
              </Text>
              {r.addresses.map((a) => (
                <Text key={a} size="sm" c="dimmed">
                  {a}
                </Text>
              ))}
            </div>
            <ActionIcon variant="default" size="lg" aria-label={t("settings.removeRouter", { key: short(r.router) })} onClick={() => remove.mutate(r.router)}>
              <Icon name="block" />
            </ActionIcon>
          </Group>
        ))}
        <form
          onSubmit={(e) => {
            e.preventDefault();
            add.mutate(address, { onSuccess: () => setAddress("") });
          }}
        >
          <Group align="end">
            <TextInput flex={1} miw="14rem" label={t("settings.address")} placeholder="/dns4/router.example.org/tcp/4100/p2p/12D3KooW…" value={address} onChange={(e) => setAddress(e.currentTarget.value)} spellCheck={false} />
            <Button type="submit" variant="default" disabled={address.trim() === ""} loading={add.isPending}>
              {t("settings.addRouter")}
            </Button>
          </Group>
        </form>
        <Problem error={routers.error ?? add.error ?? remove.error} />
      </Stack>
    </Section>
  );
}

function Identity({ node }: { node: string }): ReactNode {
  const { t } = useTranslation();
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const backup = useChange((b, p: string) => b.Backup(p));
  const weak = [...passphrase].length < minPassphrase;
  return (
    <Section title={t("settings.identity")}>
      <Stack gap="sm">
        <Text size="sm">{t("settings.identityHelp")}</Text>
        <Text size="sm" ff="monospace">
          {node}
        </Text>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            backup.mutate(passphrase, {
              onSuccess: () => {
                setPassphrase("");
                setAgain("");
              },
            });
          }}
        >
          <Group align="start">
            <PasswordInput w="16rem" label={t("settings.passphrase")} description={t("settings.passphraseHelp", { count: minPassphrase })} value={passphrase} onChange={(e) => setPassphrase(e.currentTarget.value)} autoComplete="new-password" />
            <PasswordInput w="16rem" label={t("settings.again")} description={t("settings.againHelp")} value={again} error={again !== "" && again !== passphrase ? t("settings.different") : undefined} onChange={(e) => setAgain(e.currentTarget.value)} autoComplete="new-password" />
          </Group>
          <Button mt="sm" type="submit" variant="default" disabled={weak || passphrase !== again} loading={backup.isPending}>
            {t("settings.backup")}
          </Button>
        </form>
        {backup.data ? <Text role="status">{t("saved", { path: backup.data })}</Text> : null}
        <Problem error={backup.error} />
      </Stack>
    </Section>
  );
}

function Diagnosis(): ReactNode {
  const { t } = useTranslation();
  const look = useChange((b) => b.Doctor());
  const save = useChange((b, text: string) => b.SaveReport("fallow-report.txt", text));
  const found = look.data as Examination | undefined;
  return (
    <Section title={t("settings.doctor")}>
      <Stack gap="sm">
        <Text size="sm">{t("settings.doctorHelp")}</Text>
        <Group>
          <Button variant="default" loading={look.isPending} onClick={() => look.mutate()}>
            {t("settings.examine")}
          </Button>
          {found && (
            <Button variant="default" loading={save.isPending} onClick={() => save.mutate(asReport(found))}>
              {t("settings.saveReport")}
            </Button>
          )}
        </Group>
        <div aria-live="polite">
          {found && <Text fw={600}>{t(found.ok ? "settings.healthy" : "settings.ill")}</Text>}
          {found?.steps.map((s, i) => (
            <div key={i}>
              <Text size="sm">
                <strong>
                  {t(`settings.result.${s.result}`)} · {s.step}
                </strong>{" "}
                {s.found}
              </Text>
              {s.do && (
                <Text size="sm" ps="md">
                  → {s.do}
                </Text>
              )}
            </div>
          ))}
        </div>
        {save.data ? <Text role="status">{t("saved", { path: save.data })}</Text> : null}
        <Problem error={look.error ?? save.error} />
      </Stack>
    </Section>
  );
}

function asReport(e: Examination): string {
  const steps = e.steps.map((s) => `${s.result.padEnd(8)} ${s.step}: ${s.found}${s.do ? `\n         -> ${s.do}` : ""}`);
  return [`fallow ${e.version} on ${e.platform}`, ...steps, ""].join("\n");
}

function Withdraw(): ReactNode {
  const { t } = useTranslation();
  const [asking, ask] = useState(false);
  const withdraw = useChange((b) => b.Withdraw());
  return (
    <Section title={t("settings.consent")}>
      <Text size="sm" mb="sm">
        {t("settings.consentHelp")}
      </Text>
      <Button variant="default" onClick={() => ask(true)}>
        {t("settings.withdraw")}
      </Button>
      <Modal opened={asking} onClose={() => ask(false)} title={t("settings.withdraw")} closeButtonProps={{ "aria-label": t("close") }}>
        <Text mb="md">{t("settings.withdrawAsk")}</Text>
        <Group justify="end">
          <Button variant="default" onClick={() => ask(false)}>
            {t("cancel")}
          </Button>
          <Button color="red.9" loading={withdraw.isPending} onClick={() => withdraw.mutate(undefined, { onSuccess: () => ask(false) })}>
            {t("settings.withdraw")}
          </Button>
        </Group>
        <Problem error={withdraw.error} />
      </Modal>
    </Section>
  );
}
