// Light or dark: the person's choice in a cookie the server reads, so that a page never flashes.

document.addEventListener("click", (event) => {
  if (!(event.target as Element).closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const theme = root.dataset["bsTheme"] === "dark" ? "light" : "dark";
  root.dataset["bsTheme"] = theme;
  document.cookie = `zj_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
});
