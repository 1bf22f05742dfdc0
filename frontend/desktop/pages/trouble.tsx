import { Button, Loader, Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useChange } from "../agent";
import type { State } from "../bridge";
import { Problem } from "../parts/problem";

/** Trouble is what is shown instead of everything else while there is no agent. */
export function Trouble({ state, error }: { state: State | undefined; error: unknown }): ReactNode {
  const { t } = useTranslation();
  const start = useChange((b) => b.Start());
  const agent = state?.agent ?? "silent";
  const waiting = agent === "starting" || start.isPending;
  return (
    <Stack component="main" align="center" justify="center" h="100%" p="md">
      <Paper withBorder p="xl" maw="34rem" className={`state ${waiting ? "tone-rest" : "tone-bad"}`}>
        <Title order={1} size="h3" mb="sm">
          {t(`trouble.${agent}.title`)}
        </Title>
        <div aria-live="polite">
          <Text mb="xs">{t(`trouble.${agent}.text`)}</Text>
          {!waiting && state?.problem && <Text c="dimmed" size="sm" mb="md">{state.problem}</Text>}
        </div>
        {waiting && <Loader size="sm" aria-label={t("trouble.starting.title")} />}
        {agent === "stopped" && !waiting && <Button onClick={() => start.mutate()}>{t("trouble.start")}</Button>}
        <Problem error={start.error ?? error} />
      </Paper>
    </Stack>
  );
}
