// The shell's connection light, in words.
import { watch } from "vue";
import { t } from "./i18n";
import { store } from "./desk/store";
import type { LiveStatus } from "./live/hub";

/** The shell's names of the colours. */
const COLOURS: Record<LiveStatus, string> = { connecting: "trying", live: "up", lost: "down", signed_out: "down" };

export function watchLight(): void {
  const light = document.getElementById("zj-light");
  if (!light) return;
  watch(
    () => store.live,
    (status) => {
      light.dataset["state"] = COLOURS[status];
      const words = light.firstElementChild ?? light;
      words.textContent = t(`live.${status}`);
    },
    { immediate: true },
  );
}

/** For an account without a desk, whose pages keep no push connection of ours. */
export function hideLight(): void {
  const light = document.getElementById("zj-light");
  if (light) light.hidden = true;
}
