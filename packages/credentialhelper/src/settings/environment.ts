import { type Layer, layerOfTexts } from './layer.ts';

/** The settings in environment variables; an empty one is not set. */
export function readEnvironment(environment: NodeJS.ProcessEnv): Layer {
  return layerOfTexts(
    ({ variable }) => {
      const text = variable === '' ? '' : (environment[variable] ?? '');
      return text === '' ? undefined : { text, name: variable };
    },
    (name) => `environment variable ${name}`,
  );
}
