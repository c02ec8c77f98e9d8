// The test call page: places a call and lists the tenant's live events as they come.

interface Words {
  [type: string]: string;
}

const KINDS = ["agent.state", "queue.changed", "call.offered", "call.talking", "call.held", "call.muted", "call.over", "system.switch"];

function fill(text: string, data: Record<string, unknown>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(data[name] ?? ""));
}

/** Mounts every `form[data-call-follow]` below `root`. */
export function mountFollow(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-call-follow]:not([data-mounted])")) {
    form.dataset["mounted"] = "";
    new Follower(form);
  }
}

class Follower {
  private readonly list = document.getElementById("demo-log") as HTMLElement;
  private readonly words = JSON.parse(this.list.dataset["words"] ?? "{}") as Words;
  private source: EventSource | null = null;

  constructor(private readonly form: HTMLFormElement) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      void this.place();
    });
    void this.listen();
    const observer = new MutationObserver(() => {
      if (form.isConnected) return;
      this.source?.close();
      observer.disconnect();
    });
    observer.observe(document.getElementById("zj-main") ?? document.body, { childList: true });
  }

  private async listen(): Promise<void> {
    const answer = await fetch("/live/snapshot");
    if (!answer.ok || !this.form.isConnected) return;
    const { position } = (await answer.json()) as { position: string };
    this.source = new EventSource(`/live/stream?after=${encodeURIComponent(position)}`);
    for (const kind of KINDS) {
      this.source.addEventListener(kind, (event) => {
        const data = JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown>;
        const text = this.words[kind];
        if (text) this.add(fill(text, data), Number((event as MessageEvent).lastEventId.split("-")[0]));
      });
    }
    this.source.addEventListener("over", (event) => {
      this.source?.close();
      const detail = JSON.parse((event as MessageEvent<string>).data) as { why: string };
      document.dispatchEvent(new CustomEvent("zj:session-over", { detail }));
    });
  }

  private async place(): Promise<void> {
    const button = this.form.querySelector("button") as HTMLButtonElement;
    button.disabled = true;
    try {
      const answer = await fetch(this.form.action, { method: "POST", body: new FormData(this.form), headers: { Accept: "application/json" } });
      const result = (await answer.json()) as { message?: string };
      this.add(answer.ok ? (this.words["placed"] ?? "") : (result.message ?? String(answer.status)), Date.now());
    } finally {
      button.disabled = false;
    }
  }

  private add(text: string, atMs: number): void {
    this.list.querySelector("[data-empty]")?.remove();
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = new Date(atMs).toLocaleTimeString([], { hour12: false });
    const words = document.createElement("span");
    words.textContent = text;
    item.append(time, words);
    this.list.prepend(item);
  }
}
