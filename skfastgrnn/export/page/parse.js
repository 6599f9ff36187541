/* From pasted text to rows of channels. */
"use strict";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/* Lines of cells. Arrays of Python, NumPy or JSON are lines that end where an inner bracket does;
 * otherwise cells are apart by the first of tabs, semicolons and commas that there is, or by spaces. */
function cellsOf(text) {
  if (text.includes("[")) {
    const flat = text.replace(/\s+/g, " ").replace(/\]\s*,?\s*\[/g, "\n");
    text = flat.replace(/[[\]]/g, "");
  }
  const lines = [];
  text.split(/\r\n|\r|\n/).forEach((line, i) => {
    if (line.trim() !== "" && !line.trim().startsWith("#")) lines.push({ number: i + 1, line });
  });
  const separator = ["\t", ";", ","].find((s) => lines.some(({ line }) => line.includes(s)));
  return lines.map(({ number, line }) => {
    if (separator === undefined) return { number, cells: line.trim().split(/\s+/) };
    const cells = line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
    if (cells.length > 1 && cells[cells.length - 1] === "") cells.pop();
    // Where semicolons are between numbers, a comma may be in them.
    const hasCommas = separator === ";";
    return { number, cells: hasCommas ? cells.map((c) => c.replace(/^([^,]*),([^,]*)$/, "$1.$2")) : cells };
  });
}

/* The cell shortened for a message. */
function shown(cell) {
  return `“${cell.length > 20 ? `${cell.slice(0, 20)}…` : cell}”`;
}

function counted(n, what) {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/* Rows of numbers in the order of the channels (names). A first line of names is skipped; where all
 * channels are among them, it says which columns are read. Throws an Error that says what is wrong. */
function parseRows(text, channels) {
  let lines = cellsOf(text);
  let columns = channels.map((_, i) => i);
  let nColumns = channels.length;
  if (lines.length > 0 && !lines[0].cells.some((cell) => NUMBER.test(cell))) {
    const names = lines[0].cells;
    lines = lines.slice(1);
    if (channels.every((name) => names.includes(name))) {
      columns = channels.map((name) => names.indexOf(name));
      nColumns = names.length;
    }
  }
  if (lines.length === 1 && nColumns === 1) {
    const { number, cells } = lines[0];
    lines = cells.map((cell) => ({ number, cells: [cell] }));
  }
  if (lines.length === 0) throw new Error("There are no numbers.");
  return lines.map(({ number, cells }) => {
    if (cells.length !== nColumns) {
      throw new Error(
        `Line ${number} has ${counted(cells.length, "number")}, but a step has ` +
          `${nColumns}: ${nColumns === channels.length ? channels.join(", ") : "as many as names"}.`,
      );
    }
    return columns.map((column) => {
      const cell = cells[column];
      if (!NUMBER.test(cell)) {
        const what = cell === "" ? "is empty" : `is ${shown(cell)}, which is no number`;
        throw new Error(`Line ${number}, column ${column + 1} ${what}.`);
      }
      const value = Number(cell);
      if (!Number.isFinite(value)) {
        throw new Error(`Line ${number}, column ${column + 1}: ${shown(cell)} is too large.`);
      }
      return value;
    });
  });
}

/* Text that `parseRows` reads as the same rows. */
function textOf(rows) {
  return rows.map((row) => row.map((value) => String(value)).join(", ")).join("\n");
}
