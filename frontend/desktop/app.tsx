import { Center, Loader, Text, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { Icon, type IconName } from "../shared/icons";
import { useAgent } from "./agent";
import { Activity } from "./pages/activity";
import { EarningsPage } from "./pages/earnings";
import { Home } from "./pages/home";
import { RulesPage } from "./pages/rules";
import { SettingsPage } from "./pages/settings";
import { Trouble } from "./pages/trouble";
import { Welcome } from "./pages/welcome";
import { useTraffic } from "./parts/traffic";

const pages = ["home", "activity", "earnings", "rules", "settings"] as const;
type Page = (typeof pages)[number];

export function App(): ReactNode {
  const { t } = useTranslation();
  const agent = useAgent();
  const traffic = useTraffic(agent.data?.status);
  const [page, go] = useState<Page>("home");

  if (agent.isPending) {
    return (
      <Center h="100%" component="main">
        <Loader aria-label={t("looking")} />
      </Center>
    );
  }
  const state = agent.data;
  if (!state || state.agent !== "running" || !state.status) return <Trouble state={state} error={agent.error} />;
  if (state.status.sharing.rule === "consent") return <Welcome status={state.status} />;
  return (
    <div className="frame">
      <nav aria-label={t("nav.label")}>
        <Title order={1} size="h3" className="brand">
          Fallow
        </Title>
        <ul className="tabs">
          {pages.map((p) => (
            <li key={p}>
              <button type="button" className="tab" aria-current={p === page ? "page" : undefined} onClick={() => go(p)}>
                <Icon name={p as IconName} />
                <span>{t(`nav.${p}`)}</span>
              </button>
            </li>
          ))}
        </ul>
      </nav>
      <main>
        <div className="page">
          <Warnings list={state.status.warnings} />
          {page === "home" && <Home status={state.status} traffic={traffic} />}
          {page === "activity" && <Activity />}
          {page === "earnings" && <EarningsPage />}
          {page === "rules" && <RulesPage />}
          {page === "settings" && <SettingsPage state={state} />}
        </div>
      </main>
    </div>
  );
}

function Warnings({ list }: { list: string[] | undefined }): ReactNode {
  return list?.map((w) => (
    <Text key={w} role="alert" mb="sm" fw={500}>
      {w}
    </Text>
  ));
}
