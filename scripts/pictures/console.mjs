// The pictures of the emulator's console, in Chromium: its log of requests, and why a thing gets no credentials.
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { openBrowser } from '../../packages/emulator/test/support/browser.ts';
import { requestCredentials } from '../../packages/emulator/test/support/request-credentials.ts';

/** Returns the screenshots by file, as PNG. */
export async function renderConsole() {
  const aws = await startEmulator();
  const browser = await openBrowser();
  try {
    const device = await aws.seed({ thingName: 'press-1', roleAlias: 'plant' });
    await makeRequests(aws, device);
    const page = await browser.newPage({ viewport: { width: 900, height: 760 } });
    await page.goto(aws.consoleUrl);
    await page.getByRole('link', { name: 'Requests' }).click();
    await page.getByText('there is no thing').waitFor();
    const requests = await page.screenshot();
    aws.iot.detachPolicy({ policyName: device.policyName, target: device.certificateArn });
    await page.getByRole('link', { name: device.thingName }).first().click();
    const decision = page.getByRole('region', { name: 'Credentials', exact: true });
    await decision.getByText('gets no credentials').waitFor();
    return {
      'docs/pictures/console-requests.png': requests,
      'docs/pictures/console-decision.png': await decision.screenshot(),
    };
  } finally {
    await browser.close();
    await aws.close();
  }
}

/** Makes requests of all kinds: with credentials, denied, and with faults. */
async function makeRequests(aws, device) {
  const { certificateId } = device;
  const request = (thingName = device.thingName) =>
    requestCredentials(aws, { ...device, thingName });
  await request();
  aws.faults.add({ delayMs: 120, count: 1 });
  await request();
  aws.faults.add({ response: { status: 503 }, count: 1 });
  await request();
  await request('press-2');
  aws.iot.updateCertificate({ certificateId, newStatus: 'INACTIVE' });
  await request();
  aws.iot.updateCertificate({ certificateId, newStatus: 'ACTIVE' });
  await request();
}
