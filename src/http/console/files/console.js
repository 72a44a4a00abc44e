// Progressive enhancement: copy buttons, relative times, search while typing. The pages work without it. Stores nothing.
"use strict";

const announce = (element, text) => {
  const before = element.textContent;
  element.textContent = text;
  setTimeout(() => { element.textContent = before; }, 1600);
};

// <button data-copy="id"> copies the text of the element with that id, with the token put in. Hidden without the clipboard API.
let uncopied = document.querySelector("[data-secret]") !== null;
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const secret = document.querySelector("[data-secret]")?.textContent;
    const text = source.textContent.replace("…   # the token above", secret);
    try {
      await navigator.clipboard.writeText(text);
      if (secret && text.includes(secret)) uncopied = false;
      announce(button, "Copied");
    } catch {
      getSelection().selectAllChildren(source);
      announce(button, "Press Ctrl+C");
    }
  });
}

// A token shown once: the browser asks before the page is left without copying it. Leaving removes the token from the
// page, so that it is not in the browser's back/forward cache.
document.addEventListener("copy", () => { uncopied = false; });
addEventListener("beforeunload", (event) => { if (uncopied) event.preventDefault(); });
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-secret]")) secret.remove();
});

// Times: relative, updated every 30 seconds; the exact time beside it is in the user's language and time zone.
const units = [["year", 31536000, 63072000], ["month", 2592000, 7776000], ["day", 86400, 172800], ["hour", 3600, 7200], ["minute", 60, 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const showTime = (time) => {
  const then = new Date(time.dateTime);
  const told = time.querySelector("span");
  if (told) told.textContent = exact.format(then);
  else time.title = exact.format(then);
  if (time.hasAttribute("data-day")) {
    time.textContent = day.format(then);
    return;
  }
  if (time.hasAttribute("data-exact")) {
    time.textContent = exact.format(then);
    return;
  }
  const seconds = (then - Date.now()) / 1000;
  const [unit, size] = units.find(([, , least]) => Math.abs(seconds) >= least) ?? [];
  const text = unit ? relative.format(Math.trunc(seconds / size), unit) : seconds > 0 ? "in a moment" : "just now";
  if (told) time.firstChild.data = `${text} `;
  else time.textContent = text;
};
const refreshTimes = () => document.querySelectorAll("time[datetime]").forEach(showTime);
refreshTimes();
setInterval(refreshTimes, 30000);

// <form data-live="id"> reloads the element with that id while the user types or chooses, and updates the page's URL. The
// form itself stays, and with it the focus: with arrow keys, a select changes at each step.
for (const form of document.querySelectorAll("form[data-live]")) {
  let timer, running;
  const refresh = async () => {
    running?.abort();
    running = new AbortController();
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const address = `${location.pathname}${query.size ? "?" : ""}${query}`;
    try {
      const answer = await fetch(address, { signal: running.signal, headers: { accept: "text/html" } });
      if (!answer.ok || answer.redirected) return location.assign(address);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [old, fresh] = [document, page].map((each) => each.getElementById(form.dataset.live));
      old.replaceWith(fresh);
      history.replaceState(null, "", address);
      refreshTimes();
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };
  form.addEventListener("input", (event) => {
    if (!event.target.matches("input[type=search]")) return;
    clearTimeout(timer);
    timer = setTimeout(refresh, 200);
  });
  form.addEventListener("change", (event) => { if (event.target.matches("select")) refresh(); });
}

// <input type="checkbox" data-all="name"> ticks or clears every checkbox of that name in its form. The listener is the
// document's, because a search replaces the table.
document.addEventListener("change", ({ target: all }) => {
  if (!all.matches("[data-all]")) return;
  for (const box of all.form.querySelectorAll(`[name=${all.dataset.all}]`)) box.checked = all.checked;
});

// <input data-narrows="id"> hides the choices of the list with that id that do not contain its text, except chosen ones.
for (const input of document.querySelectorAll("[data-narrows]")) {
  input.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const choice of document.getElementById(input.dataset.narrows).children) {
      choice.hidden = !choice.textContent.toLowerCase().includes(wanted) && !choice.querySelector(":checked");
    }
  });
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
}

// <form data-says="id"> summarises its choices in the list with that id, whenever one changes.
for (const form of document.querySelectorAll("form[data-says]")) {
  const list = document.getElementById(form.dataset.says);
  const line = (text, quiet) => {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("no", quiet);
    return item;
  };
  const under = (text) => Object.assign(document.createElement("span"), { className: "under", textContent: text });
  form.addEventListener("input", () => {
    const chosen = (name) => [...form.querySelectorAll(`[name=${name}]:checked`)].map((input) => input.closest("label"));
    const personas = chosen("persona").map((label) => {
      const item = line(`act with the persona ${label.querySelector("span").textContent}`);
      for (const says of label.querySelectorAll(".says")) item.append(under(says.textContent));
      return item;
    });
    const permissions = chosen("permission").map((label) => line(label.querySelector("small").textContent.replace(/^It may |\.$/g, "")));
    const does = [...personas, ...permissions];
    if (does.length === 0) does.push(line("do nothing yet but say who it is", true));
    const { addresses, rate, period } = form.elements;
    if (addresses.value.trim()) does.push(line(`be let in from ${addresses.value.trim()} only`));
    if (rate.value > 0) does.push(line(`be let in at most ${rate.value} times in ${period.selectedOptions[0].textContent}`));
    const [life] = chosen("lifetime");
    const end = life?.querySelector("time")?.textContent ?? (life?.querySelector("[value=until]") && form.elements.until.value);
    if (life?.querySelector("[value=never]")) does.push(line("never stop working by itself", true));
    else if (end) does.push(line(`stop working ${end}`));
    list.replaceChildren(...does);
  });
}

// <p data-ends="name"> says when the chosen lifetime of that name ends.
for (const told of document.querySelectorAll("[data-ends]")) {
  const form = told.closest("form");
  const say = () => {
    const time = form.querySelector(`[name=${told.dataset.ends}]:checked`)?.closest("label").querySelector("time");
    told.textContent = time ? `The token will expire on ${time.title}.` : "The token will never expire.";
    told.classList.toggle("never", !time);
    told.hidden = false;
  };
  form.addEventListener("change", say);
  say();
}

// The dialog that shows a new token: modal. Once the token is copied, Escape closes it and follows the link that does.
for (const dialog of document.querySelectorAll("dialog[data-once]")) {
  dialog.removeAttribute("open");
  dialog.showModal();
  dialog.addEventListener("cancel", (event) => { if (uncopied) event.preventDefault(); });
  // Browsers close it at the second Escape in a row, whatever a page does.
  dialog.addEventListener("close", () => {
    if (uncopied) dialog.showModal();
    else dialog.querySelector(".actions a").click();
  });
}
