// Languages: English, German. A key that a language lacks is a failing test, not
// a sentence in another one.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import de from "../locales/de.json";
import en from "../locales/en.json";

export const languages = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof languages;

const kept = "fallow.language";

/** language is the user's choice, else the system's if we speak it, else English. */
export function language(): Language {
  const wanted = localStorage.getItem(kept) ?? navigator.language.slice(0, 2);
  return wanted in languages ? (wanted as Language) : "en";
}

export function chooseLanguage(l: Language): void {
  localStorage.setItem(kept, l);
  document.documentElement.lang = l;
  void i18next.changeLanguage(l);
}

export async function startLanguage(): Promise<void> {
  document.documentElement.lang = language();
  await i18next.use(initReactI18next).init({
    lng: language(),
    fallbackLng: "en",
    resources: { en: { translation: en }, de: { translation: de } },
    interpolation: { escapeValue: false }, // React escapes
  });
}
