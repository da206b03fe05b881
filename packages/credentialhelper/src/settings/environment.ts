import { type Layer, layerOfTexts } from './layer.ts';
import { SETTINGS } from './names.ts';
import { nearest } from './nearest.ts';

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

const VARIABLES = [...SETTINGS.map(({ variable }) => variable), 'AWS_IOT_LOG'];

/**
 * Environment variables whose names are near those of settings. They are no error: other software, too, may have variables
 * that begin with `AWS_IOT_`.
 */
export function misspelledVariables(
  environment: NodeJS.ProcessEnv,
): readonly { readonly name: string; readonly near: string }[] {
  return Object.keys(environment).flatMap((name) => {
    if (!/^AWS_IOT_[A-Z0-9_]+$/.test(name) || VARIABLES.includes(name)) return [];
    const near = nearest(name, VARIABLES);
    return near === undefined ? [] : [{ name, near }];
  });
}
