import { CONFIG_MEMBERS } from './config-members.ts';

const IN_TOKEN = 'pkcs11.';

/** The JSON Schema (draft 7, which editors support best) of a file of settings. */
export function configSchema(): object {
  const members = propertiesOf((name) => (name.startsWith(IN_TOKEN) ? undefined : name));
  const all = { ...members, pkcs11: { $ref: '#/definitions/pkcs11' } };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'https://unpkg.com/awsiot-credentialhelper/config.schema.json',
    title: 'Settings of awsiot-credentialhelper',
    description: 'The file of "--config FILE": YAML or JSON. Its paths are relative to its folder.',
    type: 'object',
    properties: {
      $schema: { type: 'string', description: 'the JSON Schema of this file, for editors' },
      ...all,
      things: {
        description: 'the things of a gateway; the members beside are the defaults of each',
        type: 'array',
        minItems: 1,
        items: { $ref: '#/definitions/thing' },
      },
    },
    additionalProperties: false,
    definitions: {
      thing: {
        type: 'object',
        properties: all,
        required: ['thingName'],
        additionalProperties: false,
      },
      pkcs11: {
        description: 'a private key in a PKCS#11 token',
        type: 'object',
        properties: propertiesOf((name) =>
          name.startsWith(IN_TOKEN) ? name.slice(IN_TOKEN.length) : undefined,
        ),
        additionalProperties: false,
      },
    },
  };
}

function propertiesOf(nameOf: (option: string) => string | undefined): Record<string, object> {
  return Object.fromEntries(
    [...CONFIG_MEMBERS].flatMap(([option, { kind, description }]) => {
      const name = nameOf(option);
      return name === undefined ? [] : [[name, { description, ...kind.schema }]];
    }),
  );
}
