import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** Picture shows what happens: your home in the middle, and what stays out of it. */
export function Picture(): ReactNode {
  const { t } = useTranslation();
  const box = { fill: "none", stroke: "currentColor", strokeWidth: 1.6, rx: 10 };
  const green = "var(--mantine-color-field-6)";
  const label = { textAnchor: "middle" as const, fontSize: 13, fill: "currentColor" };
  return (
    <svg className="picture" viewBox="0 0 600 190" role="img" aria-label={t("welcome.picture")}>
      <rect x="10" y="40" width="130" height="74" {...box} />
      <text x="75" y="72" {...label} fontWeight="600">{t("welcome.site")}</text>
      <text x="75" y="94" {...label}>{t("welcome.siteSub")}</text>
      <path d="M300 22 382 78v66H218V78z" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinejoin="round" />
      <text x="300" y="82" {...label} fontWeight="600">{t("welcome.you")}</text>
      <text x="300" y="128" {...label} fontSize="11.5">{t("welcome.youSub")}</text>
      <rect x="460" y="40" width="130" height="74" {...box} />
      <text x="525" y="72" {...label} fontWeight="600">{t("welcome.router")}</text>
      <text x="525" y="94" {...label}>{t("welcome.routerSub")}</text>
      <path d="M140 102h320" stroke={green} strokeWidth="7" strokeLinecap="round" opacity="0.9" />
      <text x="179" y="92" {...label} fontSize="11.5">{t("welcome.sealed")}</text>
      <text x="421" y="92" {...label} fontSize="11.5">{t("welcome.sealed")}</text>
      <text x="300" y="172" {...label}>{t("welcome.pictureSub")}</text>
    </svg>
  );
}
