// The terminal of the demo, with its output.
import { picture, text } from './svg.mjs';

const WIDTH = 860;
const COLUMNS = 100;
const MARGIN = 24;
const LINE = 18;
const BLANK = 9;

/** The picture of a command and its output; empty lines have half the height. */
export function renderTerminal({ command, output, title }) {
  let y = MARGIN + 12;
  const elements = [text(MARGIN, y, `$ ${command}`, { class: 'mono' })];
  for (const line of ['', ...output.trim().split('\n')]) {
    if (line === '') y += BLANK;
    for (const part of wrap(line)) {
      y += LINE;
      elements.push(text(MARGIN, y, part, { class: classOf(line) }));
    }
  }
  return picture({ width: WIDTH, height: y + MARGIN, title, description: output.trim() }, elements);
}

/** Indented lines are results of a step, in a less prominent style. */
const classOf = (line) => (line.startsWith(' ') ? 'mono quiet' : 'mono');

/** Wraps a long line between words, with the same indentation. */
function wrap(line) {
  const indent = /^ */.exec(line)[0];
  const lines = [];
  for (const word of line.split(' ').filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= COLUMNS)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(`${indent}${last === undefined ? '' : '  '}${word}`);
  }
  return lines;
}
