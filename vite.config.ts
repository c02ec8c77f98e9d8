// One bundler for every page. Each folder keeps its own front end beside its feature and names its entry here;
// templates find the built file by the entry's path through admin_web/static/dist/.vite/manifest.json.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type Plugin } from "vite";

const entries = ["admin_web/frontend/shell.ts", "agent_desktop/frontend/main.ts"];

/** Builds one SVG sprite of the icons named in admin_web/frontend/icons.json, so that a page loads only those. */
function iconSprite(): Plugin {
  const icons = join(import.meta.dirname, "node_modules/@tabler/icons/icons/outline");
  const list = "admin_web/frontend/icons.json";
  return {
    name: "icon-sprite",
    buildStart() {
      this.addWatchFile(list);
      const names: string[] = JSON.parse(readFileSync(list, "utf8"));
      const symbols = names.map((name) => {
        const svg = readFileSync(join(icons, `${name}.svg`), "utf8");
        const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
        return `<symbol id="${name}" viewBox="0 0 24 24">${body.trim()}</symbol>`;
      });
      const source = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
      this.emitFile({ type: "asset", name: "icons.svg", originalFileName: list, source });
    },
  };
}

/**
 * Takes `[style*=background]` out of Tabler's rules for striped tables: with it the browser must look at everything
 * below an element again whenever the element's style changes, which made moving a canvas of 200 nodes halting.
 * Nothing of ours has a style attribute (the content policy forbids them), so nothing looks different.
 */
function quickStyles(): Plugin {
  return {
    name: "quick-styles",
    enforce: "pre",
    transform(code, id) {
      return id.includes("tabler.min.css") ? code.replace(/,\[style\*=["']?background["']?\]/g, "") : null;
    },
  };
}

export default defineConfig({
  base: "/static/dist/",
  publicDir: false,
  plugins: [vue(), iconSprite(), quickStyles()],
  build: {
    outDir: "admin_web/static/dist",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0,
    rollupOptions: { input: entries },
  },
});
