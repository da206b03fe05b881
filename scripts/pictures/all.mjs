// The pictures of the README, by file.
import { renderHowItWorks } from './how-it-works.mjs';
import { renderTerminal } from './terminal.mjs';

/** Renders all pictures, with the output of the demo. */
export function renderAll(demoOutput) {
  return {
    'docs/pictures/how-it-works.svg': renderHowItWorks(),
    'docs/pictures/demo.svg': renderTerminal({
      command: 'npm run demo',
      output: demoOutput,
      title: 'What the demo prints',
    }),
  };
}
