import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeThingCommand } from '@aws-sdk/client-iot';
import { afterAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/index.ts';
import { startAwsCli } from '../support/aws-cli.ts';
import { deviceClients } from '../support/device.ts';

const aws = await startEmulator();
const folder = mkdtempSync(join(tmpdir(), 'least-privilege-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await aws.close();
});

describe('the role of least privilege in the README', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, section = ''] = readme.split('## Test the policies of a role\n');
  const [, policy = '', commands = '', printed = ''] =
    /```json\n(.*?)```.*?```sh\n(.*?)```.*?```text\n(.*?)```/s.exec(section) ?? [];
  const seed = { thingName: 'my-thing', roleAlias: 'my-alias', keyType: 'EC-P256' } as const;

  // On a busy machine, the AWS CLI needs several seconds to start.
  it('is simulated by the AWS CLI, and holds for the device', { timeout: 120_000 }, async () => {
    const device = await aws.seed(seed);
    aws.iot.createThing({ thingName: 'other-thing' });
    writeFileSync(join(folder, 'own-thing.json'), policy);
    const cli = startAwsCli(aws, folder);
    const [put = '', ...more] = commands.replaceAll('\\\n', ' ').trim().split('\n');
    await cli.run(put);
    expect(await cli.run(more.join(' '))).toBe(printed);
    cli.close();
    const clients = await deviceClients(aws, device);
    const see = (thingName: string) => clients.things.send(new DescribeThingCommand({ thingName }));
    expect(await see('my-thing')).toMatchObject({ thingName: 'my-thing' });
    await expect(see('other-thing')).rejects.toMatchObject({ name: 'AccessDeniedException' });
    clients.close();
  });
});
