"use strict";
(() => {
  const table = document.getElementById("rows");
  const bodies = [...table.tBodies];
  const rows = bodies.flatMap((body) => [...body.querySelectorAll("tr[data-row]")]);
  const homes = new Map(rows.map((row) => [row, row.parentNode]));
  const headers = [...table.tHead.rows[0].cells];
  const words = document.getElementById("words");
  const group = document.getElementById("group");
  const grouped = document.getElementById("grouped");
  const status = document.getElementById("status");
  const single = document.createElement("tbody");
  table.append(single);

  // What a cell is sorted by; nothing for an empty one, which stays last.
  function key(row, column) {
    const cell = row.cells[column];
    const value = cell.dataset.value ?? cell.textContent.trim();
    return value === "" ? null : cell.dataset.value === undefined ? value : Number(value);
  }

  function order(column, sign) {
    const study = (a, b) => a.dataset.row - b.dataset.row;
    if (column < 0) return study;
    return (a, b) => {
      const [x, y] = [key(a, column), key(b, column)];
      if (x === null || y === null) return (x === null) - (y === null) || study(a, b);
      const both = typeof x === "number" && typeof y === "number";
      const compared = both ? x - y : String(x).localeCompare(String(y), undefined,
                                                              {numeric: true});
      return sign * compared || study(a, b);
    };
  }

  function arrange() {
    const column = headers.findIndex((header) => ["ascending", "descending"]
      .includes(header.getAttribute("aria-sort")));
    const sign = column >= 0 && headers[column].getAttribute("aria-sort") === "descending" ? -1 : 1;
    table.classList.toggle("grouped", grouped.checked);
    for (const row of [...rows].sort(order(column, sign))) {
      (grouped.checked ? homes.get(row) : single).append(row);
    }
    filter();
  }

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word)) ||
                   (group.value !== "*" && row.dataset.group !== group.value);
      shown += !row.hidden;
    }
    for (const body of bodies) {
      body.hidden = !body.querySelector("tr[data-row]:not([hidden])");
    }
    status.textContent = `${shown} of ${rows.length} rows shown`;
  }

  // Up, down, and the study's own order again.
  const next = {none: "ascending", ascending: "descending", descending: "none"};
  headers.forEach((header) => {
    const button = header.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const direction = next[header.getAttribute("aria-sort")];
      headers.forEach((other) => {
        if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      });
      header.setAttribute("aria-sort", direction);
      arrange();
    });
  });
  words.addEventListener("input", filter);
  group.addEventListener("change", filter);
  grouped.addEventListener("change", arrange);
  document.getElementById("controls").hidden = false;
  arrange();

  // What two rows differ in: their cells in the table, then their settings.
  const compare = document.getElementById("compare");
  if (!compare) return;
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const differences = document.getElementById("differences");
  const [left, right] = ["left", "right"].map((id) => document.getElementById(id));
  const rowOf = (index) => rows.find((row) => row.dataset.row === index);

  function cellsOf(index) {
    const cells = new Map();
    headers.forEach((header, column) => {
      const button = header.querySelector("button");
      if (button) cells.set(button.textContent, rowOf(index).cells[column].textContent);
    });
    return cells;
  }

  function line(kind, texts) {
    const row = document.createElement("tr");
    texts.forEach((text, column) => {
      const cell = document.createElement(column === 0 || kind === "head" ? "th" : "td");
      if (cell.tagName === "TH") cell.scope = kind === "head" ? "col" : "row";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  }

  function showDifferences() {
    const [a, b] = [cellsOf(left.value), cellsOf(right.value)];
    const [x, y] = [settings[left.value], settings[right.value]];
    const lines = [...a.keys()].map((key) => [key, a.get(key), b.get(key)]);
    for (const key of [...new Set([...Object.keys(x), ...Object.keys(y)])].sort()) {
      lines.push([key, x[key] ?? "", y[key] ?? ""]);
    }
    const differing = lines.filter(([, one, other]) => one !== other);
    const head = document.createElement("thead");
    head.append(line("head", ["", ...[left, right].map((s) => s.selectedOptions[0].text)]));
    const body = document.createElement("tbody");
    body.append(...differing.map((texts) => line("body", texts)));
    differences.replaceChildren(head, body);
  }
  right.selectedIndex = right.options.length - 1;
  for (const select of [left, right]) select.addEventListener("change", showDifferences);
  compare.hidden = false;
  showDifferences();
})();
