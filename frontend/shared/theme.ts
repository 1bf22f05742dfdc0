// The look that the window and the console share. Contrast of every pair used is
// at least 4.5:1 in both schemes; axe holds us to it.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

// The green of a field left to rest.
const field: MantineColorsTuple = [
  "#eef6ee", "#dcebdc", "#b8d6b8", "#90bf91", "#6ea970", "#579b5a", "#3f8243", "#2f6f34", "#255d2a", "#1b4a20",
];

export const theme = createTheme({
  primaryColor: "field",
  primaryShade: { light: 7, dark: 7 },
  colors: { field },
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, Cantarell, 'Noto Sans', sans-serif",
  headings: { fontWeight: "650" },
  respectReducedMotion: true,
});

// Mantine's own dimmed text is paler than 4.5:1.
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "#56605a", "--mantine-color-placeholder": "#68716b", "--mantine-color-body": "#fcfdfb" },
  dark: { "--mantine-color-dimmed": "#aab3ac", "--mantine-color-placeholder": "#98a19a", "--mantine-color-body": "#1d211e" },
});
