// Progressive enhancement: copy buttons, local times, search while typing. The pages work without it. Stores nothing.
"use strict";

// Tells screen readers, through an element that every page has from the start: they miss one that appears with its text.
const announce = (text) => document.getElementById("announced")?.replaceChildren(text);

// <button data-copy="id"> copies the text of the element with that id, with the token put in. Hidden without the clipboard API.
let uncopied = document.querySelector("[data-secret]") !== null;
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const label = button.firstChild;
  const usual = label.data;
  let timer;
  const tell = (text) => {
    label.data = text;
    announce(button.textContent);
    clearTimeout(timer);
    timer = setTimeout(() => { label.data = usual; }, 1600);
  };
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const secret = document.querySelector("[data-secret]")?.textContent;
    const text = source.textContent.replace("…   # the token above", secret);
    try {
      await navigator.clipboard.writeText(text);
      if (secret && text.includes(secret)) uncopied = false;
      tell("Copied");
    } catch {
      getSelection().selectAllChildren(source);
      tell("Press Ctrl+C to copy");
    }
  });
}

// A token shown once: the browser asks before the page is left without copying it. Leaving removes the token from the
// page, so that it is not in the browser's back/forward cache.
document.addEventListener("copy", () => {
  const copied = getSelection().toString();
  for (const secret of document.querySelectorAll("[data-secret]")) if (copied.includes(secret.textContent)) uncopied = false;
});
addEventListener("beforeunload", (event) => { if (uncopied) event.preventDefault(); });
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-secret]")) secret.remove();
});

// Times: relative, updated every 30 seconds. Without the script exact ones are in UTC; here they are in the user's time zone.
const units = [["year", 31536000, 63072000], ["month", 2592000, 7776000], ["day", 86400, 172800], ["hour", 3600, 7200], ["minute", 60, 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const pieces = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const exact = (instant) => {
  const { day, month, year, hour, minute } = Object.fromEntries(pieces.formatToParts(instant).map(({ type, value }) => [type, value]));
  return `${day} ${month} ${year}, ${hour}:${minute}`;
};
const showTime = (time) => {
  const then = new Date(time.dateTime);
  const told = time.querySelector("span");
  if (told) told.textContent = exact(then);
  if (time.matches("[data-day], [data-exact]")) {
    time.title ||= time.textContent;
    time.textContent = time.matches("[data-day]") ? exact(then).split(",")[0] : exact(then);
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

// A page of this server, without showing it. Fails if it is another one than was asked for, such as the sign-in.
const load = async (address, options) => {
  const answer = await fetch(address, { headers: { accept: "text/html" }, ...options });
  if (!answer.ok || answer.redirected) throw new Error(address);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};

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
      const page = await load(address, { signal: running.signal });
      const [old, fresh] = [document, page].map((each) => each.getElementById(form.dataset.live));
      old.replaceWith(fresh);
      history.replaceState(null, "", address);
      refreshTimes();
      const found = fresh.querySelectorAll("tbody tr, .policy").length;
      announce(found ? `${found}${fresh.querySelector("[rel=next]") ? " or more" : ""} found` : fresh.querySelector(".empty h2, p").textContent);
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

// <form data-says="id"> summarises its choices in the list with that id. The list is read aloud, so it changes only with
// what it says, and not at each letter. <span data-day-end="id"> tells when the day in the field with that id ends here.
for (const form of document.querySelectorAll("form[data-says]")) {
  const list = document.getElementById(form.dataset.says);
  const line = (text, quiet) => {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("no", quiet);
    return item;
  };
  const under = (text) => Object.assign(document.createElement("span"), { className: "under", textContent: text });
  const text = (items) => [...items].map((item) => item.textContent).join("\n");
  const dayEnd = form.querySelector("[data-day-end]");
  const lastDay = form.elements[dayEnd.dataset.dayEnd];
  const endOfDay = () => lastDay.value && exact(new Date(`${lastDay.value}T23:59:59Z`));
  const sayEnd = () => { dayEnd.textContent = lastDay.value && `, here ${endOfDay()}`; };
  const say = () => {
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
    const time = life?.querySelector("time");
    const end = time ? exact(new Date(time.dateTime)) : life?.querySelector("[value=until]") && endOfDay();
    if (end) does.push(line(`stop working ${end}`));
    else if (life?.querySelector("[value=never], [value=keep]")) does.push(line("never stop working by itself", true));
    if (text(does) !== text(list.children)) list.replaceChildren(...does);
  };
  let timer;
  form.addEventListener("input", ({ target }) => {
    sayEnd();
    clearTimeout(timer);
    timer = setTimeout(say, target.matches("[type=text]") ? 400 : 0);
  });
  sayEnd();
}

// <p data-ends="name"> says when the chosen lifetime of that name ends.
for (const told of document.querySelectorAll("[data-ends]")) {
  const form = told.closest("form");
  const say = () => {
    const time = form.querySelector(`[name=${told.dataset.ends}]:checked`)?.closest("label").querySelector("time");
    told.textContent = time ? `The token will expire on ${exact(new Date(time.dateTime))}.` : "The token will never expire.";
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
  // What is outside a modal dialog is not read aloud.
  dialog.append(document.getElementById("announced"));
  dialog.addEventListener("cancel", (event) => { if (uncopied) event.preventDefault(); });
  // Browsers close it at the second Escape in a row, whatever a page does.
  dialog.addEventListener("close", () => {
    if (uncopied) dialog.showModal();
    else dialog.querySelector(".actions a").click();
  });
}

// <form data-checked> says what is wrong with a field while the user types in it: the server is sent the form with
// step=check, which saves nothing, and answers with its page. Fields that the user has not come to yet are not marked.
for (const form of document.querySelectorAll("form[data-checked]")) {
  const fields = (from) => [...from.querySelectorAll(".field, fieldset")];
  const touched = new Set();
  let timer, running;
  const renew = (field, fresh) => {
    const [old, told] = [field, fresh].map((each) => (each.matches("fieldset") ? each : each.querySelector("input, textarea")));
    for (const name of ["aria-invalid", "aria-describedby"]) {
      if (told.hasAttribute(name)) old.setAttribute(name, told.getAttribute(name));
      else old.removeAttribute(name);
    }
    const [before, after] = [field, fresh].map((each) => each.querySelector(":scope > .error")?.textContent);
    if (before === after) return;
    const texts = (each) => each.querySelectorAll(":scope > :is(.hint, .error)");
    for (const each of texts(field)) each.remove();
    field.append(...texts(fresh));
    announce(after ?? "");
  };
  const check = async () => {
    running?.abort();
    running = new AbortController();
    const body = new URLSearchParams([...new FormData(form), ["step", "check"]]);
    const page = await load(form.action, { method: "POST", body, signal: running.signal }).catch(() => undefined);
    if (!page) return;
    const fresh = fields(page.querySelector("form[data-checked]"));
    fields(form).forEach((field, place) => { if (touched.has(field)) renew(field, fresh[place]); });
  };
  form.addEventListener("input", ({ target }) => {
    touched.add(target.closest(".field, fieldset"));
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  });
}
