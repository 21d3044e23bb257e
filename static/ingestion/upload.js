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
  data.append("password", form.querySelector("[name=password]").value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => (request.status === 200 ? resolve(request.responseText) : reject("stopped"));
    request.onerror = () => reject("lost");
    request.open("POST", form.action || location.href);
    request.setRequestHeader("HX-Request", "true");
    request.send(data);
  });
}

function list() {
  if (!outcomes.querySelector("ul")) {
    const made = document.createElement("ul");
    made.className = "outcomes";
    outcomes.append(made);
  }
  return outcomes.querySelector("ul");
}

function show(fragment) {
  // Server-rendered and escaped; only the list's items are taken over.
  list().append(...new DOMParser().parseFromString(fragment, "text/html").querySelectorAll("li"));
}

// A browser hands over a folder as a file that cannot be read; and files of one name from two folders would be versions.
function refuseFolder(name) {
  const item = document.createElement("li");
  item.className = "refused";
  item.textContent = line.dataset.folder.replace("{name}", name);
  list().append(item);
}

async function sendAll(files, folders = []) {
  const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
  let before = 0;
  outcomes.replaceChildren();
  folders.forEach(refuseFolder);
  bar.hidden = false;
  button.disabled = true;
  let ended = "sent";
  let place = files.length;
  for (const [index, file] of files.entries()) {
    say("sending", { done: index + 1, all: files.length, name: file.name });
    try {
      show(await send(file, (loaded) => { bar.value = (before + loaded) / total; }));
      document.body.dispatchEvent(new Event("uploaded"));
    } catch (reason) {
      ended = reason === "lost" ? "lost" : "stopped";
      place = index;
      break;
    }
    before += file.size;
  }
  button.disabled = false;
  bar.hidden = true;
  input.value = "";
  if (files.length) say(ended, { all: files.length, left: files.length - place, name: files[place]?.name });
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
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
  const folders = entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name);
  const files = [...event.dataTransfer.files].filter((file) => !folders.includes(file.name));
  if (files.length || folders.length) sendAll(files, folders);
});
