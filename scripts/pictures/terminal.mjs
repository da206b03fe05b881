// The terminal of the demo, from what it printed.
import { picture, text } from './svg.mjs';

const WIDTH = 860;
const COLUMNS = 100;
const MARGIN = 24;
const LINE = 18;
const BLANK = 9;

/** The picture of a command and what it printed; an empty line is half as high as another. */
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

/** What is indented is what happened at a step, and quieter than the step. */
const classOf = (line) => (line.startsWith(' ') ? 'mono quiet' : 'mono');

/** Breaks a line that is too long between words, as far indented as it begins. */
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
