// A part of the page that is drawn anew by itself waits while somebody presses in it: an element that is replaced
// between press and release gets no click.
const Press = (() => {
  let pressed = null;
  const waiting = [];
  const begin = (event) => { pressed = event.target; };
  // The click comes after the release; what waits, after the click.
  const end = () => setTimeout(() => {
    pressed = null;
    for (const proceed of waiting.splice(0)) proceed();
  });
  const isPressed = (node) => node.contains(pressed);
  const released = (node) => (isPressed(node) ? new Promise((proceed) => { waiting.push(proceed); }) : Promise.resolve());

  addEventListener("pointerdown", (event) => { if (event.button === 0) begin(event); }, true);
  addEventListener("keydown", (event) => { if (event.key === " ") begin(event); }, true);
  for (const kind of ["pointerup", "pointercancel", "keyup"]) addEventListener(kind, end, true);
  // The window's own: a release elsewhere is not told to it.
  addEventListener("blur", end);

  return { isPressed, released };
})();

// What htmx asks for by the clock is asked for again a moment later; what somebody did is shown at once.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, target } = event.detail;
  if (!requestConfig.triggeringEvent && Press.isPressed(target)) event.detail.shouldSwap = false;
});
