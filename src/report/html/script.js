"use strict";
// Zoom on time, and the values under the pointer. Without this the page is complete, only still.
for (const chart of document.querySelectorAll(".chart")) {
  const end = Number(chart.dataset.end);
  const data = JSON.parse(chart.querySelector('script[type="application/json"]').textContent);
  const pictures = [...chart.querySelectorAll("svg.time")];
  const now = chart.querySelector(".now");
  let from = 0, to = end;

  const clock = (seconds) => {
    const total = Math.floor(seconds), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(total / 3600);
    return (hours ? hours + ":" : "") + two(Math.floor(total / 60) % 60) + ":" + two(total % 60);
  };
  const element = (name, className, parent) => {
    const made = document.createElement(name);
    made.className = className;
    parent.append(made);
    return made;
  };
  const cursors = pictures.map((picture) => element("div", "cursor", picture.parentElement));
  const selections = pictures.map((picture) => element("div", "selection", picture.parentElement));
  const show = (elements, visible) => { for (const one of elements) one.hidden = !visible; };
  show(cursors, false);
  show(selections, false);

  // Round distances between ticks, at most eight of them.
  const steps = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const draw = () => {
    for (const picture of pictures) picture.setAttribute("viewBox", `${from} 0 ${to - from} 100`);
    const share = (at) => (at - from) / (to - from);
    for (const text of chart.querySelectorAll("text.moment")) {
      const at = share(Number(text.dataset.at));
      text.setAttribute("x", at * 100 + "%");
      text.setAttribute("visibility", at < -0.001 || at > 1.001 ? "hidden" : "visible");
      text.setAttribute("text-anchor", at > 0.75 ? "end" : "start");
    }
    const ticks = chart.querySelector(".ticks");
    ticks.replaceChildren();
    const step = steps.find((step) => (to - from) / step <= 8) ?? (to - from) / 8;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.setAttribute("x", share(at) * 100 + "%");
      text.setAttribute("y", "14");
      text.setAttribute("text-anchor", share(at) < 0.02 ? "start" : share(at) > 0.95 ? "end" : "middle");
      text.textContent = clock(at);
      ticks.append(text);
    }
  };
  const zoom = (start, stop) => {
    const width = Math.min(Math.max(stop - start, Math.min(30, end)), end);
    from = Math.min(Math.max(start, 0), end - width);
    to = from + width;
    draw();
  };
  const moves = {
    in: () => zoom(from + (to - from) / 4, to - (to - from) / 4),
    out: () => zoom(0, end),
    left: () => zoom(from - (to - from) / 3, to - (to - from) / 3),
    right: () => zoom(from + (to - from) / 3, to + (to - from) / 3),
  };
  for (const button of chart.querySelectorAll("button[data-zoom]")) {
    button.addEventListener("click", () => moves[button.dataset.zoom]());
  }
  chart.querySelector(".tools").hidden = false;

  const at = (event) => {
    const box = pictures[0].getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  const point = (share) => {
    const seconds = from + share * (to - from);
    const index = Math.min(Math.floor(seconds / data.width), Math.ceil(end / data.width) - 1);
    now.textContent = "at " + clock(seconds);
    for (const cursor of cursors) cursor.style.left = share * 100 + "%";
    for (const panel of data.panels) {
      const output = chart.querySelector(`output[data-key="${panel.key}"]`);
      if (!output) continue;
      const said = panel.lines.filter((line) => line.said[index]).map((line) => line.name + " " + line.said[index]);
      output.textContent = said.join(" · ");
    }
  };
  let begun = null;
  for (const picture of pictures) {
    const place = picture.parentElement;
    place.addEventListener("pointermove", (event) => {
      const share = at(event);
      show(cursors, true);
      point(share);
      if (begun !== null) {
        for (const one of selections) {
          one.style.left = Math.min(begun, share) * 100 + "%";
          one.style.width = Math.abs(share - begun) * 100 + "%";
        }
      }
    });
    place.addEventListener("pointerleave", () => show(cursors, false));
    place.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return;
      begun = at(event);
      place.setPointerCapture(event.pointerId);
      for (const one of selections) { one.style.left = begun * 100 + "%"; one.style.width = "0"; }
      show(selections, true);
      event.preventDefault();
    });
    place.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const share = at(event), first = Math.min(begun, share), last = Math.max(begun, share);
      begun = null;
      show(selections, false);
      if (last - first > 0.01) zoom(from + first * (to - from), from + last * (to - from));
    });
    place.addEventListener("dblclick", () => moves.out());
  }
}
