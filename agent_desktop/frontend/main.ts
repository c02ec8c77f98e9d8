// Entry on every page of an account with a desk: the phone and the push connection live in the shell, which is never
// reloaded; the desk's own page is mounted whenever htmx swaps it in.
import { type App, createApp, watch } from "vue";
import "./chat.css";
import "./desk.css";
import AlertBar from "./components/AlertBar.vue";
import ChatPanel from "./components/ChatPanel.vue";
import DeskPage from "./components/DeskPage.vue";
import RingCard from "./components/RingCard.vue";
import TopStrip from "./components/TopStrip.vue";
import { deskKey } from "./desk/context";
import { Desk } from "./desk/desk";
import { store } from "./desk/store";
import { hideLight, watchLight } from "./light";
import { soundOn } from "./phone/devices";

/** The element that sounds: outside of all that is swapped, so that a call goes on through every navigation. */
function makeAudio(): HTMLAudioElement {
  const audio = document.createElement("audio");
  audio.autoplay = true;
  audio.id = "zj-audio";
  document.body.append(audio);
  return audio;
}

const audio = makeAudio();
const desk = new Desk((stream) => {
  void soundOn(audio, "speaker");
  audio.srcObject = stream;
  if (stream) void audio.play().catch(() => undefined);
});

function mount(component: Parameters<typeof createApp>[0], element: Element): App {
  const app = createApp(component);
  app.provide(deskKey, desk);
  app.mount(element);
  return app;
}

document.addEventListener("zj:devices", () => void soundOn(audio, "speaker"));

let page: { app: App; element: Element } | null = null;

/** Mount the desk's page when it is there, and end it when it was swapped out. */
function mountPage(): void {
  if (page && !page.element.isConnected) {
    page.app.unmount();
    page = null;
  }
  const element = document.getElementById("zj-desk");
  if (element && !page) page = { app: mount(DeskPage, element), element };
}

/** Tell the shell whether this page carries a call, since it reloads no page that does. */
function watchCall(): void {
  watch(
    () => store.phoneLegs.length > 0,
    (up) => {
      document.body.toggleAttribute("data-call", up);
      if (!up) document.dispatchEvent(new CustomEvent("zj:call-over"));
    },
    { immediate: true, flush: "sync" },
  );
}

/** Buttons of any page that call a number (`data-dial`) or the other party of a call (`data-dial-call`). */
async function callFromPage(event: MouseEvent): Promise<void> {
  const button = (event.target as Element).closest<HTMLElement>("[data-dial], [data-dial-call]");
  if (!button) return;
  const { dial, dialCall } = button.dataset;
  const refused = dial ? await desk.dial(dial) : await desk.dialAgain(dialCall ?? "");
  if (refused) document.dispatchEvent(new CustomEvent("zj:toast", { detail: { text: refused, kind: "danger" } }));
}

async function start(): Promise<void> {
  watchLight();
  watchCall();
  const strip = document.getElementById("zj-phone");
  const alerts = document.getElementById("zj-alerts");
  if (!strip || !alerts) return;
  if (!(await desk.start())) {
    hideLight();
    return;
  }
  mount(TopStrip, strip);
  mount(AlertBar, alerts);
  const corner = document.createElement("div");
  document.body.append(corner);
  mount(RingCard, corner);
  const chat = document.createElement("div");
  document.body.append(chat);
  mount(ChatPanel, chat);
  mountPage();
  document.addEventListener("htmx:load", mountPage);
  document.addEventListener("click", (event) => void callFromPage(event));
}

void start();
