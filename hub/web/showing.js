// Small pieces that both lists show: elements, ages, the badge.
const AGES = [
  [60, 1, "s"],
  [3_600, 60, "min"],
  [86_400, 3_600, "h"],
  [Infinity, 86_400, "d"],
];
const FIRST_HUE = 210;
const HUE_STEP = 137; // the golden angle: colours stay apart, however many systems there are
const hues = new Map(); // of each system
const AGES_EVERY_MS = 5_000;
const BADGE_SAYS = {
  CONNECTING: "asking the hub…",
  LIVE: "told as it happens",
  DEGRADED: "the hub hears no messages: told some seconds later",
  RECONNECTING: "the hub is away; what happens meanwhile is told when it is back",
};

// An element with a class and children; text stays text.
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
}

export function age(instant, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(instant)) / 1000);
  const [, unit_s, unit] = AGES.find(([below]) => seconds < below);
  return `${Math.floor(seconds / unit_s)} ${unit} ago`;
}

// A time that says how long ago it was, and exactly when it is pointed at.
export function timeOf(instant) {
  const made = element("time", "", age(instant));
  made.dateTime = instant;
  made.title = new Date(instant).toLocaleString();
  return made;
}

// A system by its name, in a colour of its own: each that is met takes the next.
export function systemOf(name) {
  if (!hues.has(name)) hues.set(name, (FIRST_HUE + hues.size * HUE_STEP) % 360);
  const made = element("span", "system", name);
  made.style.setProperty("--hue", hues.get(name));
  return made;
}

export function showState(badge, state, reason = "") {
  badge.hidden = false;
  badge.dataset.state = state;
  badge.querySelector("b").textContent = state;
  badge.querySelector("span").textContent = [BADGE_SAYS[state], reason].filter(Boolean).join(" · ");
}

setInterval(() => {
  for (const each of document.querySelectorAll("time[datetime]")) {
    each.textContent = age(each.dateTime);
  }
}, AGES_EVERY_MS);
