// Imported before everything else. On a system whose locale is C or POSIX, WebKit
// says that the language is "C", which Intl refuses with an exception, in uPlot as
// soon as it is loaded.
function known(language: string): boolean {
  try {
    return Intl.NumberFormat.supportedLocalesOf(language).length > 0;
  } catch {
    return false;
  }
}

if (!known(navigator.language)) {
  Object.defineProperty(navigator, "language", { value: "en", configurable: true });
  Object.defineProperty(navigator, "languages", { value: ["en"], configurable: true });
}

export {};
