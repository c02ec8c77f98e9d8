// How each state looks: always a colour, an icon and a word together.
import type { AgentStateName } from "../wire";

export interface Look {
  colour: string;
  icon: string;
}

export const LOOKS: Record<AgentStateName, Look> = {
  signed_out: { colour: "secondary", icon: "door-exit" },
  not_ready: { colour: "blue", icon: "headset" },
  ready: { colour: "green", icon: "circle-check" },
  break: { colour: "yellow", icon: "coffee" },
  away: { colour: "orange", icon: "clock" },
  reserved: { colour: "purple", icon: "phone-incoming" },
  ringing: { colour: "purple", icon: "phone-incoming" },
  talking: { colour: "red", icon: "phone-call" },
  wrap_up: { colour: "cyan", icon: "pencil" },
  not_responding: { colour: "red", icon: "alert-triangle" },
};
