"use strict";
// Shows one moment of the story at a time. All numbers, and how they are written, come with the
// page; nothing is computed here but where things stand in the small plot.
(() => {
  const $ = (selector, inside = document) => inside.querySelector(selector);
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const data = JSON.parse($("#data").textContent);
  const count = data.steps.length;
  let now = Math.min(data.given + 1, count), sample = data.sample, weight = null, playing = null;

  // --- time ---

  const isGiven = (step) => step === null || step === undefined || step === "";
  const isKnown = (step) => isGiven(step) || Number(step) < now;

  function showTime() {
    const last = now - 1;
    const [phase, key] = now > data.given ? data.steps[last] : ["given", ""];
    $("#time").value = now;
    const said = phase === "given" ? "nothing computed yet"
      : `step ${now - data.given} of ${count - data.given} · ${phase}`;
    $("#when").textContent = said;
    $("#time").setAttribute("aria-valuetext", said);
    for (const span of all(".phases span")) {
      span.classList.toggle("now", span.classList.contains(phase));
    }
    for (const text of all("figure text[data-texts]")) showText(text);
    for (const group of all("figure [data-name]")) showName(group);
    for (const heat of all("figure .heat[data-levels]")) showLevels(heat);
    for (const path of all("figure path[data-step]")) {
      path.classList.toggle("later", !isKnown(path.dataset.step));
    }
    for (const unit of all("figure .unit")) {
      const place = unit.dataset.place;
      const here = (unit.dataset.keys || "").split(" ").includes(key);
      unit.classList.toggle("now", phase !== "given" && (place ? Number(place) === last : here));
    }
    for (const step of all(".steps .step")) {
      const known = isKnown(step.dataset.step);
      step.classList.toggle("later", !known);
      step.classList.toggle("current", Number(step.dataset.step) === last && phase !== "given");
      $(".known", step).hidden = !known;
      $(".unknown", step).hidden = known;
    }
    const current = $(`#step-${last}`);
    const panel = $("#now");
    panel.replaceChildren();
    if (current) {
      const copy = current.cloneNode(true);
      copy.removeAttribute("id");
      panel.append(copy);
      connectProducts(panel);
    } else {
      panel.textContent = "Inputs and parameters are given. Nothing has been computed; "
        + "gradients are not yet computed.";
    }
    showLines();
    showWeight();
    if (kept) showCell(...kept);
  }

  function showText(text) {
    const known = isKnown(text.dataset.step);
    const texts = JSON.parse(text.dataset.texts);
    text.textContent = known ? texts[Math.min(sample, texts.length - 1)] : text.dataset.before;
    text.classList.toggle("unknown", !known);
  }

  // Of several samples each picture has levels of its own: colours of cells, row by row.
  function showLevels(heat) {
    if (heat.dataset.sample === String(sample)) return;
    heat.dataset.sample = sample;
    const levels = heat.dataset.levels.split("|")[sample];
    const [x, y, size, columns] = heat.dataset.grid.split(" ").map(Number);
    const edge = Math.max(size - (size > 4 ? 0.6 : 0), 0.5).toFixed(1);
    const cells = {};
    [...levels].forEach((letter, i) => {
      if (letter === ".") return;
      const left = (x + i % columns * size).toFixed(1);
      const top = (y + Math.floor(i / columns) * size).toFixed(1);
      cells[letter] = `${cells[letter] || ""}M${left} ${top}h${edge}v${edge}h-${edge}z`;
    });
    for (const old of all("path", heat)) old.remove();
    for (const [letter, d] of Object.entries(cells)) {
      const level = letter.charCodeAt(0) - "h".charCodeAt(0);
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", level ? `h${level > 0 ? "p" : "m"}${Math.abs(level)}` : "h0");
      path.setAttribute("d", d);
      heat.append(path);
    }
  }

  function showName(group) {
    const known = isKnown(group.dataset.step);
    if (group.dataset.names) group.dataset.name = JSON.parse(group.dataset.names)[sample];
    let name;
    if (group.dataset.weight) {
      name = `${group.dataset.name}, gradient ${known ? group.dataset.gradient : data.notYet}`;
    } else {
      name = known ? group.dataset.name : `${group.dataset.short}: ${data.notYet}`;
      group.classList.toggle("later", !known);
    }
    group.setAttribute("aria-label", name);
    const title = $("title", group);
    if (title) title.textContent = name;
  }

  function go(step) {
    now = Math.max(data.given, Math.min(count, step));
    showTime();
  }

  function stop() {
    clearInterval(playing);
    playing = null;
    $("#play").textContent = "▶ Play";
  }

  $("#first").onclick = () => { stop(); go(data.given); };
  $("#back").onclick = () => { stop(); go(now - 1); };
  $("#forward").onclick = () => { stop(); go(now + 1); };
  $("#last").onclick = () => { stop(); go(count); };
  $("#time").oninput = (event) => { stop(); go(Number(event.target.value)); };
  $("#play").onclick = () => {
    if (playing) return stop();
    if (now === count) go(data.given);
    $("#play").textContent = "❚❚ Pause";
    playing = setInterval(() => (now < count ? go(now + 1) : stop()), 1400);
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, button, a, summary, .cell")) return;
    if (event.metaKey || event.ctrlKey) return;
    if (event.key === "ArrowRight") { stop(); go(now + 1); }
    else if (event.key === "ArrowLeft") { stop(); go(now - 1); }
  });

  // --- drawings ---

  for (const tab of all("[data-tab]")) {
    tab.onclick = () => {
      for (const other of all("[data-tab]")) {
        other.setAttribute("aria-selected", String(other === tab));
        $(`#figure-${other.dataset.tab}`).hidden = other !== tab;
      }
    };
  }

  function showLines() {
    const kind = $("#lines") ? $("#lines").value : "weights";
    for (const edge of all("path.edge[data-weights]")) {
      const group = edge.closest(".way");
      const known = kind === "weights" || isKnown(group.dataset.step);
      const [thick, sign] = (known && edge.dataset[kind] || "0.8,0").split(",");
      edge.style.strokeWidth = `${thick}px`;
      edge.classList.toggle("plus", sign === "1");
      edge.classList.toggle("minus", sign === "-1");
    }
  }
  if ($("#lines")) $("#lines").onchange = showLines;
  if ($("#sample")) {
    $("#sample").value = sample;
    $("#sample").onchange = (event) => { sample = Number(event.target.value); showTime(); };
  }

  // --- one weight ---

  const entryOf = (key, place) => (data.entries[key] || { of: {} }).of[place];

  // What a name such as 0.weight[7,5] stands for: a parameter, and the place of a number in it.
  function named(name) {
    const cut = name.lastIndexOf("[");
    const key = name.slice(0, cut), inside = name.slice(cut + 1, -1);
    const index = inside ? inside.split(",").map(Number) : [];
    const { shape } = data.entries[key];
    return { name, key, index, place: index.reduce((at, i, axis) => at * shape[axis] + i, 0) };
  }

  function nameAt(key, place) {
    const index = [];
    for (const length of [...data.entries[key].shape].reverse()) {
      index.unshift(place % length);
      place = Math.floor(place / length);
    }
    return `${key}[${index.join(",")}]`;
  }

  const toldOf = (key) =>
    Object.keys(data.weights).filter((name) => data.weights[name].key === key);

  // Only what belongs to this very weight is shown: a derivation, where the page holds one.
  function choose(name) {
    weight = named(name);
    const told = data.weights[name], entry = entryOf(weight.key, weight.place);
    const other = $("#w-other") || element("option", "", $("#weight"));
    other.id = "w-other";
    other.hidden = Boolean(told);
    other.value = told ? "" : name;
    other.textContent = told || !entry ? name : entry[0];
    $("#weight").value = name;
    for (const way of all("[data-weight]")) {
      way.classList.toggle("chosen", way.dataset.weight === name);
    }
    const store = (id) => document.getElementById(`d-${id}`);
    const parts = [told && store(name), store(weight.key)].filter(Boolean);
    const copies = parts.flatMap((part) => [...part.cloneNode(true).childNodes]);
    $("#derivation").replaceChildren(...copies);
    showMissing(told, entry ? entry[0] : name);
    showWeight();
    if (kept && data.entries[kept[0]] && String(kept) !== String([weight.key, weight.place])) {
      kept = [weight.key, weight.place];  // the number above is of the same weight
      mark(null);
      showCell(...kept);
    }
  }

  function showMissing(told, name) {
    const note = $("#w-missing");
    note.hidden = Boolean(told);
    if (told) return;
    note.textContent = `The derivation of ${name} alone, its paths and its nudges are not `
      + "on this page. ";
    const others = toldOf(weight.key);
    others.forEach((other, i) => {
      if (i) note.append(", ");
      const button = element("button", data.weights[other].name, note);
      button.type = "button";
      button.onclick = () => choose(other);
    });
    const theirs = others.length > 1 ? " have theirs here. " : " has its own here. ";
    if (others.length) note.append(theirs);
    note.append("In Python: ");
    const index = `(${weight.index.join(", ")}${weight.index.length === 1 ? "," : ""})`;
    element("code", `story.latex("${weight.key}", ${index})`, note);
    note.append(" derives it, ");
    element("code", `story.paths("${weight.key}", ${index})`, note);
    note.append(" lists its paths.");
  }

  function fact(id, value, known) {
    const place = $(id);
    place.textContent = known ? value : data.notYet;
    place.classList.toggle("unknown", !known);
  }

  function showWeight() {
    if (!weight) return;
    const held = data.entries[weight.key];
    const missing = "not on this page";
    const entry = entryOf(weight.key, weight.place) || [weight.name, missing, missing];
    const hasGradient = isKnown(held.back);
    fact("#w-value", `${entry[0]} = ${entry[1]}`, true);
    fact("#w-gradient", entry[2], hasGradient);
    fact("#w-after", entry[4] || "no update", isKnown(held.update));
    $("#derivation").hidden = !hasGradient;
    showWorked(held, entry);
    const w = data.weights[weight.name];
    $("#nudging").hidden = !w;
    if (!w) return;
    const place = Number($("#nudge").value);
    const row = w.rows[place];
    $("#nudge").setAttribute("aria-valuetext", `h = ${row[0]}`);
    ["#n-offset", "#n-loss", "#n-forward", "#n-central"].forEach((id, i) => {
      $(id).textContent = row[i];
    });
    plot(w, place, hasGradient);
  }

  // Its gradient as a sum, and its update line by line: the formulas have places for its numbers.
  function showWorked(held, entry) {
    const panel = $("#worked");
    panel.replaceChildren();
    if (entry.length < 7) return;
    if (entry[6] && isKnown(held.back)) {
      element("h4", `The gradient of ${entry[0]}, term by term`, panel);
      element("p", `g = ${entry[6]} = ${entry[2]}`, panel);
    }
    const lines = document.getElementById(`u-${weight.key}`);
    if (!entry[4] || !lines || !lines.firstChild || !isKnown(held.update)) return;
    element("h4", `The update of ${entry[0]}`, panel);
    element("p", `θ is ${entry[0]}, and g is its gradient${held.memory.length
      ? `; ${held.memory.join(", ")}: what the optimizer remembers of it` : ""}.`, panel);
    const shown = element("div", "", panel);
    shown.className = "scroll";
    shown.append(...lines.cloneNode(true).childNodes);
    for (const place of all("mtext", shown)) {
      if (!/^@\d+$/.test(place.textContent)) continue;
      const text = entry[Number(place.textContent.slice(1))];
      const inside = place.previousElementSibling || place.parentNode.localName === "msup";
      const composed = text.includes("·") && place.parentNode.localName === "msup";
      place.textContent = inside && text.startsWith("−") || composed ? `(${text})` : text;
    }
  }

  function plot(w, place, hasGradient) {
    const wide = 360, high = 150, edge = 10;
    const points = data.offsets
      .map((h, i) => [h, w.losses[i]])
      .filter((point) => point[1] !== null);
    if (!points.length) return $("#plot").replaceChildren();
    const values = points.map((point) => point[1]);
    const middle = w.losses[(data.offsets.length - 1) / 2];
    let low = Math.min(...values), high_ = Math.max(...values);
    if (high_ - low < 1e-12) { low -= 1; high_ += 1; }
    const x = (h) => edge + (h + 1) / 2 * (wide - 2 * edge);
    const y = (v) => high - edge - (v - low) / (high_ - low) * (high - 2 * edge);
    const places = points.map((point) => [x(point[0]).toFixed(1), y(point[1]).toFixed(1)]);
    const line = places.map((at) => at.join(",")).join(" ");
    const clip = `<clipPath id="plot-clip"><rect width="${wide}" height="${high}"/></clipPath>`;
    const tangent = hasGradient && middle !== null
      ? `<line class="tangent" clip-path="url(#plot-clip)" `
        + `x1="${x(-1)}" y1="${y(middle - w.slope).toFixed(1)}" `
        + `x2="${x(1)}" y2="${y(middle + w.slope).toFixed(1)}"/>`
      : "";
    const here = w.losses[place];
    const dot = here === null ? ""
      : `<circle r="5" cx="${x(data.offsets[place])}" cy="${y(here).toFixed(1)}"/>`;
    const marks = places.map((at) => `<circle r="2" cx="${at[0]}" cy="${at[1]}"/>`).join("");
    $("#plot").innerHTML = `<svg viewBox="0 0 ${wide} ${high + 16}">${clip}`
      + `<rect class="frame" width="${wide}" height="${high}" rx="8"/>${tangent}`
      + `<polyline class="curve" points="${line}"/>${marks}${dot}`
      + `<text x="${edge}" y="${high + 13}">h = −1</text>`
      + `<text x="${wide / 2}" y="${high + 13}" text-anchor="middle">loss along this weight`
      + `${hasGradient ? "; dashed: the gradient" : ""}</text>`
      + `<text x="${wide - edge}" y="${high + 13}" text-anchor="end">h = 1</text></svg>`;
  }

  if ($("#inspector")) {
    $("#weight").onchange = (event) => choose(event.target.value);
    $("#nudge").oninput = showWeight;
    for (const way of all("[data-weight]")) {
      way.addEventListener("click", () => choose(way.dataset.weight));
      way.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          choose(way.dataset.weight);
        }
      });
    }
  }

  // --- single numbers of heat maps ---

  let kept = null;  // what is shown until something else is clicked: [key, place]

  const layerOf = (key) => (data.units[sample] || data.units[data.sample])[key];
  const unitOf = (key, place) => (layerOf(key) || { of: {} }).of[place];

  function lookedUp(heat, event) {
    const [x, y, size, columns, rows] = heat.dataset.grid.split(" ").map(Number);
    const matrix = heat.getScreenCTM().inverse();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    const [column, row] = [at.x - x, at.y - y].map((far) => Math.floor(far / size));
    return cellAt(heat, column, row, columns, rows);
  }

  function cellAt(heat, column, row, columns, rows) {
    if (column < 0 || row < 0 || column >= columns || row >= rows) return null;
    const number = row * columns + column;
    const orders = (heat.dataset.places || "").split("|");
    const places = orders[Math.min(sample, orders.length - 1)];
    const place = places ? Number(places.split(" ")[number]) : number;
    return place < 0 ? null : { place, column, row };
  }

  function mark(heat, cell) {
    for (const old of all("rect.pointed")) old.remove();
    if (!heat) return;
    const [x, y, size] = heat.dataset.grid.split(" ").map(Number);
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const [left, top] = [x + cell.column * size, y + cell.row * size];
    const attributes = { class: "pointed", x: left, y: top, width: size, height: size };
    for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
    heat.append(box);
  }

  function element(name, text, parent) {
    const made = document.createElement(name);
    made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function link(key, place, parent) {
    const unit = unitOf(key, place);
    if (key === "loss") return element("span", "L", parent);
    if (!unit) return element("span", `${key}[${place}]`, parent);
    const button = element("button", unit[0], parent);
    button.type = "button";
    button.onclick = () => { kept = [key, place]; mark(null); showCell(key, place); };
    return button;
  }

  function terms(title, list, panel, describe) {
    if (!list.length) return;
    element("h3", title, panel);
    const items = element("ul", "", panel);
    for (const [key, place, slope, product] of list) {
      const item = element("li", "", items);
      describe(item, key, place, slope, product);
    }
  }

  function showEntry(held, entry, place, panel) {
    const [name, value, gradient, difference, after, , , ...memory] = entry;
    element("h2", name, panel);
    element("p", `value ${value}, gradient ${isKnown(held.back) ? gradient : data.notYet}`, panel);
    if (difference && isKnown(held.back)) element("p", `finite difference ${difference}`, panel);
    held.memory.forEach((letter, i) => {
      const now = isKnown(held.update) ? memory[2 * i + 1] : data.notYet;
      element("p", `${letter}: ${memory[2 * i]} before, ${now} after the update`, panel);
    });
    if (after) element("p", `new value ${isKnown(held.update) ? after : data.notYet}`, panel);
    if (!held.columns.length) return;
    const column = place % held.shape[1], [own, slope] = held.columns[column];
    const known = isKnown(held.back) ? slope : data.notYet;
    const told = `The whole column ${column + 1}: length ${own}, of its gradient ${known}`;
    element("p", told, panel);
  }

  function showCell(key, place) {
    const panel = $("#cell");
    panel.hidden = false;
    panel.replaceChildren();
    const held = data.entries[key];
    if (held && held.of[place]) {
      showEntry(held, held.of[place], place, panel);
      return;
    }
    const unit = unitOf(key, place);
    if (!unit) { panel.hidden = true; return; }
    const layer = layerOf(key);
    const [name, value, gradient, inputs, readers] = unit;
    const whose = $("#sample") && data.units[sample] ? `, sample ${sample + 1}` : "";
    element("h2", `${name}, of ${layer.layer}${whose}`, panel);
    const isBack = layer.back !== null && isKnown(layer.back);
    const slopeOf = layer.back === null ? "" : `, gradient ${isBack ? gradient : data.notYet}`;
    element("p", `value ${isKnown(layer.step) ? value : data.notYet}${slopeOf}`, panel);
    if (isKnown(layer.step)) {
      terms("Its largest inputs", inputs, panel, (item, k, p, slope, product) => {
        link(k, p, item);
        const other = unitOf(k, p);
        const times = other ? ` = ${other[1]}, times the slope` : ", slope";
        item.append(`${times} ${slope}: ${product}`);
      });
    }
    if (isBack) {
      terms("Where its gradient comes from", readers, panel, (item, k, p, slope, product) => {
        link(k, p, item);
        const other = unitOf(k, p);
        const times = other ? `: its gradient ${other[2]}, times the slope` : ", slope";
        item.append(`${times} ${slope}: ${product}`);
      });
      showWay(unit, panel);
    }
  }

  function showWay(unit, panel) {
    if (!unit[5].length) return;
    element("h3", "Its largest path to the loss, slope by slope", panel);
    const line = element("p", unit[0], panel);
    line.className = "path";
    const said = unit[6].map((places, i) => (places.length
      ? data.sentences[i].replace(/\{(\d)\}/g, (_, at) => places[at]) : ""));
    element("p", said.filter(Boolean).join(" "), panel);
    for (let next = unit[5]; next && next.length;) {
      const [key, place, slope] = next;
      line.append(` —(${slope})→ `);
      link(key, place, line);
      const further = key === "loss" ? null : unitOf(key, place);
      next = further ? further[5] : null;
    }
  }

  for (const heat of all("#figure-layers .heat[data-grid]")) {
    const key = heat.dataset.key;
    const told = (data.entries[key] || { of: {} }).of;
    const has = (cell) => cell && (unitOf(key, cell.place) || told[cell.place]);
    heat.addEventListener("mousemove", (event) => {
      const cell = lookedUp(heat, event);
      if (!has(cell)) return;
      mark(heat, cell);
      showCell(key, cell.place);
    });
    heat.addEventListener("mouseleave", () => {
      mark(null);
      if (kept) showCell(...kept);
    });
    heat.addEventListener("click", (event) => {
      const cell = lookedUp(heat, event);
      if (!has(cell)) return;
      kept = [key, cell.place];
      if ($("#inspector") && heat.dataset.parameter) choose(nameAt(key, cell.place));
    });
    heat.addEventListener("keydown", (event) => {
      const chosen = event.key === "Enter" || event.key === " ";
      if (chosen && $("#inspector") && heat.dataset.parameter) {
        event.preventDefault();
        const [own, place] = kept || [];
        const name = own === key ? nameAt(key, place) : toldOf(key)[0];
        if (name) choose(name);
        return;
      }
      const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
      if (!moves[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      const [, , , columns, rows] = heat.dataset.grid.split(" ").map(Number);
      const [column, row] = (heat.dataset.at || "-1 0").split(" ").map(Number);
      const [right, down] = moves[event.key];
      const cell = cellAt(heat, column + right, row + down, columns, rows);
      if (!has(cell)) return;
      heat.dataset.at = `${cell.column} ${cell.row}`;
      kept = [key, cell.place];
      mark(heat, cell);
      showCell(key, cell.place);
    });
  }

  // --- products, cell by cell ---

  function connectProducts(inside) {
    for (const product of all(".product", inside)) {
      const cells = (side) => all(`.${side} .cell`, product);
      const light = (r, c) => {
        const row = cells("left").filter((cell) => cell.dataset.r === r);
        const column = cells("right").filter((cell) => cell.dataset.c === c);
        const own = cells("result").filter((cell) => cell.dataset.r === r && cell.dataset.c === c);
        const lit = new Set([...row, ...column, ...own]);
        for (const cell of all(".cell", product)) cell.classList.toggle("lit", lit.has(cell));
        const bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);
        const pairs = row.map((cell, i) => [cell.textContent, column[i].textContent]);
        const terms = pairs.map((pair) => pair.map(bracketed).join(" · "));
        $(".sum", product).textContent = `${terms.join(" + ")} = ${own[0].textContent}`;
      };
      for (const cell of cells("result")) {
        const show = () => light(cell.dataset.r, cell.dataset.c);
        cell.addEventListener("mouseenter", show);
        cell.addEventListener("focus", show);
        cell.addEventListener("click", show);
      }
    }
  }
  connectProducts($(".steps"));

  // --- light and dark ---

  $("#theme").onclick = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark"
      : window.matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  };

  // --- on paper everything has happened ---

  let before = now;
  window.addEventListener("beforeprint", () => { before = now; go(count); });
  window.addEventListener("afterprint", () => go(before));

  if ($("#weight")) choose($("#weight").value);
  showTime();
})();
