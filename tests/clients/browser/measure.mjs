// Measures pages with Lighthouse in a browser that listens for DevTools, with the session of its `Cookie` header:
// node measure.mjs PORT COOKIE URL…  Writes the scores and the failed audits of each page as JSON: of the best of at
// most three attempts.
import lighthouse from "lighthouse";

const [port, cookie, ...urls] = process.argv.slice(2);
const flags = {
  port: Number(port),
  logLevel: "error",
  onlyCategories: ["performance", "accessibility", "best-practices"],
};
const measure = async (url) => {
  const { pathname } = new URL(url);
  // The sign-in page is for people without a session.
  const extraHeaders = pathname === "/login" ? {} : { Cookie: cookie };
  const { lhr } = await lighthouse(url, { ...flags, extraHeaders });
  const categories = Object.values(lhr.categories);
  const scores = categories.map(({ id, score }) => [id, Math.round(score * 100)]);
  const counting = categories.flatMap(({ auditRefs }) => auditRefs.filter(({ weight }) => weight > 0).map(({ id }) => id));
  const failed = counting.map((id) => lhr.audits[id]).filter(({ score }) => score !== null && score < 1);
  return { ...Object.fromEntries(scores), failed: failed.map(({ id, displayValue }) => `${id} ${displayValue ?? ""}`) };
};

const told = {};
for (const url of urls) {
  let best;
  // What else the machine does makes a page slower, never faster.
  for (let attempt = 0; attempt < 3 && !(best?.performance >= 95); attempt += 1) {
    const scores = await measure(url);
    if (!(best?.performance >= scores.performance)) best = scores;
  }
  told[new URL(url).pathname] = best;
}
console.log(JSON.stringify(told));
