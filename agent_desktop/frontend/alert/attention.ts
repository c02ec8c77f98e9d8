// Calling the person to a page they may not be looking at: the title blinks and the system shows a notification.
// Both stop everywhere as soon as the pushed state says that nothing rings any more.

const BLINK_MS = 1000;

export class Attention {
  private title = "";
  private ringing = "";
  private timer: ReturnType<typeof setInterval> | null = null;
  private notification: Notification | null = null;

  /** Ask for the permission to notify; browsers want a click of the person behind it. */
  static askPermission(): void {
    if (typeof Notification !== "undefined" && Notification.permission === "default") {
      void Notification.requestPermission().catch(() => undefined);
    }
  }

  /** Show a notification that is no call, such as a reminder, where the person looks elsewhere. */
  static tell(heading: string, text: string): void {
    if (typeof Notification === "undefined" || Notification.permission !== "granted" || document.hasFocus()) return;
    const shown = new Notification(heading, { body: text });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  }

  /** `notify` is true in one tab only. */
  start(title: string, heading: string, text: string, notify: boolean): void {
    this.stop();
    this.ringing = title;
    this.blink();
    this.timer = setInterval(() => this.blink(), BLINK_MS);
    if (notify && typeof Notification !== "undefined" && Notification.permission === "granted" && !document.hasFocus()) {
      this.notification = new Notification(heading, { body: text, tag: "zj-call", requireInteraction: true });
      this.notification.onclick = () => {
        window.focus();
        this.notification?.close();
      };
    }
  }

  stop(): void {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
      if (document.title === this.ringing) document.title = this.title;
    }
    this.notification?.close();
    this.notification = null;
  }

  /** What the title is between two blinks is the page's own: it may change while it rings. */
  private blink(): void {
    if (document.title === this.ringing) {
      document.title = this.title;
    } else {
      this.title = document.title;
      document.title = this.ringing;
    }
  }
}
