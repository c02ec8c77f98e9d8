// Entry on every page of an account with a desk: the phone and the push connection live in the shell, which is never
// reloaded; the desk's own page is mounted whenever htmx swaps it in.
import { type App, createApp } from "vue";
import "./desk.css";
import AlertBar from "./components/AlertBar.vue";
import DeskPage from "./components/DeskPage.vue";
import RingCard from "./components/RingCard.vue";
import TopStrip from "./components/TopStrip.vue";
import { deskKey } from "./desk/context";
import { Desk } from "./desk/desk";
import { hideLight, watchLight } from "./light";

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
  audio.srcObject = stream;
  if (stream) void audio.play().catch(() => undefined);
});

function mount(component: Parameters<typeof createApp>[0], element: Element): App {
  const app = createApp(component);
  app.provide(deskKey, desk);
  app.mount(element);
  return app;
}

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

async function start(): Promise<void> {
  watchLight();
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
  mountPage();
  document.addEventListener("htmx:load", mountPage);
}

void start();
