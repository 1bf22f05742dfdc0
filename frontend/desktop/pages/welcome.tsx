import { Button, Checkbox, Group, List, NumberInput, Paper, Radio, ScrollArea, Stack, Stepper, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { Markdown } from "../../shared/markdown";
import { useBridge, useChange } from "../agent";
import type { Bridge, Status } from "../bridge";
import { Picture } from "../parts/picture";
import { Problem } from "../parts/problem";
import { Routers } from "./settings";

const GB = 1e9;
const choices = ["25", "100", "250", "none", "own"] as const;
type Choice = (typeof choices)[number];

/** setCap is the cap a choice comes to, written before anything is agreed to. */
async function setCap(bridge: Bridge, monthlyBytes: number): Promise<void> {
  const { revision, settings } = await bridge.Rules();
  await bridge.SetRules(revision, { ...settings, caps: { ...settings.caps, monthly_bytes: monthlyBytes } });
}

/** Welcome explains, lets limits be chosen, and asks. Nothing is chosen beforehand. */
export function Welcome({ status }: { status: Status }): ReactNode {
  const { t } = useTranslation();
  const [step, go] = useState(0);
  const heading = ["welcome.what", "welcome.limit", "welcome.whose", "welcome.agree"][step]!;
  return (
    <main style={{ height: "100%", overflowY: "auto" }}>
      <Stack maw="46rem" mx="auto" p="lg" pb="4rem">
        <Title order={1}>{t("welcome.title")}</Title>
        <Stepper active={step} size="xs" iconSize={26} aria-label={t("welcome.steps")}>
          {["what", "limit", "whose", "agree"].map((s) => (
            <Stepper.Step key={s} label={<span className="step">{t(`welcome.step.${s}`)}</span>} />
          ))}
        </Stepper>
        <Title order={2} size="h3">
          {t(heading)}
        </Title>
        {step === 0 && <What next={() => go(1)} />}
        {step === 1 && <Limit back={() => go(0)} next={() => go(2)} />}
        {step === 2 && <Whose status={status} back={() => go(1)} next={() => go(3)} />}
        {step === 3 && <Agree back={() => go(2)} />}
      </Stack>
    </main>
  );
}

function Steps({ back, children }: { back?: () => void; children: ReactNode }): ReactNode {
  const { t } = useTranslation();
  return (
    <Group justify="space-between">
      {back ? (
        <Button variant="default" onClick={back}>
          {t("back")}
        </Button>
      ) : (
        <span />
      )}
      {children}
    </Group>
  );
}

function What({ next }: { next: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <Picture />
      <Stack gap="xs">
        {["one", "two", "three"].map((n) => (
          <Text key={n} size="lg">
            {t(`welcome.${n}`)}
          </Text>
        ))}
      </Stack>
      <Paper withBorder p="md">
        <Title order={3} size="h5">
          {t("welcome.never")}
        </Title>
        <List spacing={4} mt="xs">
          {["files", "home", "login", "busy"].map((n) => (
            <List.Item key={n}>{t(`welcome.neverList.${n}`)}</List.Item>
          ))}
        </List>
      </Paper>
      <Paper withBorder p="md">
        <Title order={3} size="h5">
          {t("welcome.know")}
        </Title>
        <Text mt="xs">{t("welcome.earn")}</Text>
        <Text mt="xs">{t("welcome.provider")}</Text>
      </Paper>
      <Steps>
        <Button onClick={next}>{t("next")}</Button>
      </Steps>
    </>
  );
}

function Limit({ back, next }: { back: () => void; next: () => void }): ReactNode {
  const { t } = useTranslation();
  const [choice, choose] = useState<Choice>();
  const [own, setOwn] = useState<number | "">("");
  const save = useChange(setCap);
  const gigabytes = choice === "own" ? Number(own) || 0 : choice === "none" ? 0 : Number(choice);
  const ready = choice !== undefined && (choice !== "own" || gigabytes > 0);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate(gigabytes * GB, { onSuccess: next });
      }}
    >
      <Stack>
        <Text>{t("welcome.limitText")}</Text>
        <Radio.Group label={t("welcome.limitLabel")} value={choice ?? null} onChange={(c) => choose(c as Choice)}>
          <Stack gap="xs" mt="xs">
            {choices.map((c) => (
              <Radio key={c} value={c} label={t(`welcome.cap.${c}`)} />
            ))}
          </Stack>
        </Radio.Group>
        {choice === "own" && <NumberInput label={t("rules.month")} suffix=" GB" min={1} max={1_000_000} w="14rem" value={own} onChange={(n) => setOwn(n === "" ? "" : Number(n))} />}
        <Text size="sm" c="dimmed">
          {t("welcome.limitLater")}
        </Text>
        <Problem error={save.error} />
        <Steps back={back}>
          <Button type="submit" disabled={!ready} loading={save.isPending}>
            {t("next")}
          </Button>
        </Steps>
      </Stack>
    </form>
  );
}

function Whose({ status, back, next }: { status: Status; back: () => void; next: () => void }): ReactNode {
  const { t } = useTranslation();
  const bridge = useBridge();
  const chosen = useQuery({ queryKey: ["routers"], queryFn: () => bridge.Routers() });
  const any = (chosen.data?.length ?? 0) > 0 || (status.routers?.length ?? 0) > 0;
  return (
    <>
      <Text>{t("welcome.whoseText")}</Text>
      <Routers />
      <Steps back={back}>
        <Button onClick={next} disabled={!any}>
          {t("next")}
        </Button>
      </Steps>
    </>
  );
}

function Agree({ back }: { back: () => void }): ReactNode {
  const { t } = useTranslation();
  const bridge = useBridge();
  const consent = useQuery({ queryKey: ["consent"], queryFn: () => bridge.Consent() });
  const [read, setRead] = useState(false);
  const accept = useChange((b, version: string) => b.Accept(version));
  return (
    <>
      <Text>{t("welcome.agreeText")}</Text>
      <Paper withBorder>
        <ScrollArea h="19rem" p="md" type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": t("welcome.text") }}>
          {consent.data && <Markdown text={consent.data.text} from={3} />}
        </ScrollArea>
      </Paper>
      <Checkbox label={t("welcome.read")} checked={read} onChange={(e) => setRead(e.currentTarget.checked)} />
      <Problem error={consent.error ?? accept.error} />
      <Steps back={back}>
        <Button disabled={!read || !consent.data} loading={accept.isPending} onClick={() => accept.mutate(consent.data!.version)}>
          {t("welcome.start")}
        </Button>
      </Steps>
    </>
  );
}
