// Menus of the shell: the left menu's current page, menus that drop down, the menu button on narrow screens.

/** Marks the entry of the page one is on. */
export function markCurrent(): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>("#zj-menu a")];
  const here = location.pathname;
  const best = links
    .filter((link) => here === link.pathname || here.startsWith(link.pathname.replace(/\/?$/, "/")))
    .sort((a, b) => b.pathname.length - a.pathname.length)[0];
  for (const link of links) {
    link.classList.toggle("active", link === best);
    if (link === best) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.classList.remove("zj-menu-open");
  document.querySelector("#zj-menu-button")?.setAttribute("aria-expanded", "false");
}

markCurrent();
for (const name of ["htmx:pushedIntoHistory", "htmx:replacedInHistory", "htmx:historyRestore"]) document.addEventListener(name, markCurrent);

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  const button = target.closest("#zj-menu-button");
  if (button) {
    const open = document.body.classList.toggle("zj-menu-open");
    button.setAttribute("aria-expanded", String(open));
  }
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.zj-dropdown[open]")) {
    if (!menu.contains(target) || target.closest("a, .zj-dropdown-item")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.zj-dropdown[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

// The sign-in page of an installation with a demo company: one click fills in an account.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-fill]");
  if (!button) return;
  const values = (button.dataset["fill"] ?? "").split("|");
  ["company", "login", "password"].forEach((id, i) => {
    const input = document.getElementById(id) as HTMLInputElement | null;
    if (input) input.value = values[i] ?? "";
  });
  document.getElementById("password")?.focus();
});

// Where the language form leads back to: the page one is on now, not the one that was loaded first.
document.addEventListener("submit", (event) => {
  const address = (event.target as Element).querySelector<HTMLInputElement>("[data-current-address]");
  if (address) address.value = location.pathname + location.search;
});
