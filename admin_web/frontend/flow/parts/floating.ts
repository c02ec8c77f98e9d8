// A panel in the browser's top layer beside the element it belongs to, so that no scrolling part cuts it off.

const EDGE = 8;
const MOST_HIGH = 320;

/** Show `panel` (an element with `popover="manual"`) below `anchor`, or above where there is more room. */
export function float(panel: HTMLElement, anchor: HTMLElement, minWidth = 0, mostHigh = MOST_HIGH): void {
  if (!panel.matches(":popover-open")) panel.showPopover();
  const box = anchor.getBoundingClientRect();
  const below = innerHeight - box.bottom - EDGE;
  const above = box.top - EDGE;
  const upwards = below < Math.min(mostHigh, panel.scrollHeight) && above > below;
  const width = Math.max(box.width, minWidth);
  panel.style.width = `${width}px`;
  panel.style.maxHeight = `${Math.min(mostHigh, upwards ? above : below) - 4}px`;
  panel.style.left = `${Math.max(EDGE, Math.min(box.left, innerWidth - width - EDGE))}px`;
  panel.style.top = upwards ? "auto" : `${box.bottom + 2}px`;
  panel.style.bottom = upwards ? `${innerHeight - box.top + 2}px` : "auto";
}

/** Hide it again. */
export function sink(panel: HTMLElement | null): void {
  if (panel?.matches(":popover-open")) panel.hidePopover();
}
