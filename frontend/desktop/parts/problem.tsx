import { Alert } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Icon } from "../../shared/icons";
import { reasonOf } from "../bridge";

/** Problem says what went wrong with something the user did; nothing if nothing did. */
export function Problem({ error }: { error: unknown }): ReactNode {
  const { t } = useTranslation();
  if (!error) return null;
  return (
    <Alert color="red" variant="outline" icon={<Icon name="warning" />} title={t("failed")} role="alert" my="sm">
      {reasonOf(error)}
    </Alert>
  );
}
