import { createTheme, type CSSVariablesResolver } from "@mantine/core";

/** Blue that has a contrast of at least 4.5 to white, and to the dark background in its light shades. */
export const theme = createTheme({
  primaryColor: "lab",
  primaryShade: { light: 7, dark: 8 },
  colors: {
    lab: [
      "#eaf3fb", "#d3e4f3", "#a5c8e6", "#74abda", "#4b92cf",
      "#3283c8", "#2072b3", "#1c5d99", "#16517f", "#0d3f66",
    ],
  },
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  defaultRadius: "sm",
  respectReducedMotion: true,
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.15rem" } } },
});

/** Mantine's dimmed text is too pale for WCAG AA. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#545c66",
    "--mantine-color-anchor": "#17568f",
    "--mantine-color-error": "#b3261e",
    "--mantine-color-placeholder": "#687079",
    "--studio-line": "#d9dee3",
    "--studio-panel": "#ffffff",
    "--studio-ground": "#f6f8fa",
  },
  dark: {
    "--mantine-color-dimmed": "#a6adb5",
    "--mantine-color-anchor": "#7db8ec",
    "--mantine-color-error": "#ff9d94",
    "--mantine-color-placeholder": "#969da5",
    "--studio-line": "#3a4048",
    "--studio-panel": "#1f2328",
    "--studio-ground": "#16191d",
  },
});
