// Download and installation sizes in bytes: npm run sizes writes them to etc/sizes.json.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesIn, type Packed, Workshop } from './projects.ts';

const FILE = fileURLToPath(new URL('../../etc/sizes.json', import.meta.url));

/** The figures in etc/sizes.json. */
export function recordedSizes(): Record<string, number> {
  return JSON.parse(readFileSync(FILE, 'utf8'));
}

/** Packs the packages, installs them in empty projects, and measures the sizes. */
export async function measureSizes(): Promise<Record<string, number>> {
  const workshop = new Workshop();
  const [device, emulator] = await Promise.all([
    workshop.pack('credentialhelper'),
    workshop.pack('emulator'),
  ]);
  const installed = async (name: string, packed: Packed, ...flags: string[]) =>
    bytesIn(join(await workshop.install(name, [packed.file], ...flags), 'node_modules'));
  return {
    'awsiot-credentialhelper, tarball': device.size,
    'awsiot-credentialhelper, unpacked': device.unpackedSize,
    'awsiot-credentialhelper, node_modules without koffi': await installed(
      ...(['device', device, '--omit=optional'] as const),
    ),
    [`awsiot-credentialhelper, node_modules with koffi, ${process.platform}-${process.arch}`]:
      await installed('koffi', device),
    'awsiot-credentialhelper-emulator, tarball': emulator.size,
    'awsiot-credentialhelper-emulator, unpacked': emulator.unpackedSize,
    'awsiot-credentialhelper-emulator, node_modules': await installed('emulator', emulator),
  };
}

if (basename(process.argv[1] ?? '') === 'sizes.ts') {
  // Figures of other platforms are kept.
  const sizes = { ...recordedSizes(), ...(await measureSizes()) };
  writeFileSync(FILE, `${JSON.stringify(sizes, null, 2)}\n`);
  console.log(sizes);
}
