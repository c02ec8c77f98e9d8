// Node types as a menu, by group.
import { t } from "./i18n";
import type { MenuItem } from "./parts/MenuButton.vue";
import type { Editor } from "./store";
import type { Group } from "./types";

const GROUPS: readonly Group[] = ["speak", "ask", "decide", "connect", "outside"];

/** Every node type, with a heading above each group. */
export function typeItems(editor: Editor): MenuItem[] {
  return GROUPS.flatMap((group) =>
    editor.boot.node_types
      .filter((type) => type.group === group)
      .map((type, index) => ({ value: type.type, label: type.label, hint: type.description, icon: type.icon, ...(index ? {} : { group: t(`group.${group}`) }) })),
  );
}
