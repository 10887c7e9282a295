// The first screen in a real browser: opens an order, hears of what moves, loses the hub and
// comes back. `node first_screen.mjs PACKAGES CHROMIUM URL ORDER`; the token is HUB_TOKEN. Each
// step is one JSON line: what the page shows then, and what its console said.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [packages, executablePath, url, order] = process.argv.slice(2);
const { chromium } = createRequire(`${packages}/package.json`)("playwright-core");
const TIMEOUT_MS = 45_000;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
page.setDefaultTimeout(TIMEOUT_MS);
const complaints = [];
page.on("console", (said) => {
  if (["error", "warning"].includes(said.type())) complaints.push(said.text());
});
page.on("pageerror", (error) => complaints.push(error.message));

async function tell(step) {
  const shown = await page.evaluate(() => ({
    state: document.querySelector("#badge").dataset.state,
    title: document.querySelector("#order-title").textContent,
    titles: [...document.querySelectorAll(".entry b")].map((each) => each.textContent),
    times: [...document.querySelectorAll(".entry")].map((each) => Number(each.dataset.at)),
    width: document.documentElement.scrollWidth,
    address: location.href,
  }));
  console.log(JSON.stringify({ step, ...shown, complaints }));
}

const isState = (state) => page.waitForSelector(`#badge[data-state="${state}"]`);
const steps = {
  async open() {
    await page.goto(url);
    await page.fill("#token", process.env.HUB_TOKEN);
    await page.fill("#number", order);
    await page.click("#open button");
    await page.waitForSelector(".entry");
  },
  async move() {
    await page.click("#moving button >> nth=0");
    await page.waitForSelector(".entry");
    await isState("LIVE");
  },
  async lost() {
    await isState("RECONNECTING");
    complaints.length = 0; // the browser says that the connection was refused
  },
  async back() {
    await isState("LIVE");
    complaints.length = 0;
    const before = await page.locator("#moving button").first().textContent();
    await page.waitForFunction(
      (known) => document.querySelector("#moving button").textContent !== known, before,
    );
  },
};

for await (const step of createInterface({ input: process.stdin })) {
  await steps[step]();
  await tell(step);
}
await browser.close();
