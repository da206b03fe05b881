// A child process with an emulator, for the other benchmarks: fork(…, [module, number of things, number of policies]).
// It sends where it listens, and for each message the CPU time that the process has used, in milliseconds.
const [, , module, things, policies] = process.argv;
const { startEmulator } = await import(module);
const emulator = await startEmulator();
const { iot, region, accountId } = emulator;
const roleAliases = `arn:aws:iot:${region}:${accountId}:rolealias`;
const device = await emulator.seed({ thingName: 'one', roleAlias: 'alias', keyType: 'EC-P256' });
const { certificateArn: target, roleArn } = device;

iot.createThingGroup({ thingGroupName: 'all' });
for (let i = 0; i < Number(things); i++) {
  const thingName = `thing-${i}`;
  iot.createThing({ thingName, attributes: { site: i % 2 === 0 ? 'north' : 'south' } });
  iot.addThingToThingGroup({ thingName, thingGroupName: 'all' });
  iot.attachThingPrincipal({ thingName, principal: target });
  iot.createPolicy({ policyName: `policy-${i}`, policyDocument: policyOf(1) });
  iot.createRoleAlias({ roleAlias: `alias-${i}`, roleArn });
}
// Instead of the policy from `seed`, which is short.
for (const policyName of iot.listAttachedPolicies({ target })) {
  iot.detachPolicy({ policyName, target });
}
for (let i = 0; i < Number(policies); i++) {
  iot.createPolicy({ policyName: `large-${i}`, policyDocument: policyOf(23) });
  iot.attachPolicy({ policyName: `large-${i}`, target });
}

/** A policy with a number of resources, of which the last one matches; 2 KB with 23. */
function policyOf(count) {
  const Resource = Array.from({ length: count }, (_, i) =>
    i === count - 1
      ? `${roleAliases}/alias*`
      : `${roleAliases}/\${iot:Connection.Thing.ThingName}-${i}`,
  );
  const Action = 'iot:AssumeRoleWithCertificate';
  const Statement = [{ Effect: 'Allow', Action, Resource }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send((user + system) / 1000);
});
process.on('disconnect', () => process.exit());
const { apiEndpoint, credentialsEndpoint, ca, administrator } = emulator;
process.send({ apiEndpoint, credentialsEndpoint, ca, administrator, region, roleAliases, device });
