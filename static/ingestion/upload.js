// Files are sent one by one, so that one that is refused, or a lost connection, does not take the others with it.
// Without this script the form sends them all at once and works as well.
"use strict";

const form = document.querySelector("[data-upload]");
const input = form.querySelector("input[type=file]");
const button = form.querySelector("button[type=submit]");
const bar = document.getElementById("sent");
const line = document.getElementById("sending");
const outcomes = document.getElementById("outcomes");

function say(kind, values) {
  line.textContent = line.dataset[kind].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function send(file, onProgress) {
  const data = new FormData();
  data.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
  data.append("files", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => (request.status === 200 ? resolve(request.responseText) : reject());
    request.onerror = reject;
    request.open("POST", form.action || location.href);
    request.setRequestHeader("HX-Request", "true");
    request.send(data);
  });
}

function show(fragment) {
  // Server-rendered and escaped; only the list's items are taken over.
  const items = new DOMParser().parseFromString(fragment, "text/html").querySelectorAll("li");
  let list = outcomes.querySelector("ul");
  if (!list) {
    list = document.createElement("ul");
    list.className = "outcomes";
    outcomes.append(list);
  }
  list.append(...items);
}

async function sendAll(files) {
  const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
  let before = 0;
  outcomes.replaceChildren();
  bar.hidden = false;
  button.disabled = true;
  let lost = "";
  for (const [index, file] of files.entries()) {
    say("sending", { done: index + 1, all: files.length, name: file.name });
    try {
      show(await send(file, (loaded) => { bar.value = (before + loaded) / total; }));
      document.body.dispatchEvent(new Event("uploaded"));
    } catch {
      lost = file.name;
      break;
    }
    before += file.size;
  }
  button.disabled = false;
  bar.hidden = true;
  input.value = "";
  say(lost ? "lost" : "sent", { all: files.length, name: lost });
}

// The admin's theme listens to every file field and expects its own markup around it.
form.addEventListener("change", (event) => event.stopPropagation(), true);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.files.length) sendAll([...input.files]);
});
for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  form.addEventListener(kind, () => form.classList.remove("over"));
}
form.addEventListener("drop", (event) => {
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  if (files.length) sendAll(files);
});
