import { type SimulationResult, simulator } from '../../permissions/simulate.ts';
import { requestVariables } from '../../permissions/variables.ts';
import { contextKeysOf } from '../../policy/context-keys.ts';
import { countStatements } from '../../policy/policy.ts';
import type { TextPosition } from '../../policy/statement-positions.ts';
import { type Checked, optional, text } from '../protocol/members.ts';
import { page } from '../protocol/paging.ts';
import { action, type QueryAction, toXmlText } from '../protocol/query.ts';
import { type IamContext, listed, PolicyDocument, queryList } from './members.ts';
import {
  ActionName,
  ContextEntries,
  callerVariables,
  invalid,
  ResourceArn,
  readContext,
  readPolicies,
  readSource,
  type Source,
} from './simulation-input.ts';

// Lengths of IAM's API model.
const PolicySourceArn = text({ min: 20, max: 2048 });
const PolicyInputList = queryList(PolicyDocument);

const simulated = {
  PermissionsBoundaryPolicyInputList: optional(PolicyInputList),
  ActionNames: queryList(ActionName),
  ResourceArns: optional(queryList(ResourceArn)),
  CallerArn: optional(text({ min: 1, max: 2048 })),
  ContextEntries: optional(ContextEntries),
  ...listed,
};

const NO_SOURCE: Source = { policies: [], variables: {} };

/** The actions of IAM that evaluate policies. */
export const SIMULATION_ACTIONS: Readonly<Record<string, QueryAction<IamContext>>> = {
  SimulatePrincipalPolicy: action(
    { PolicySourceArn, PolicyInputList: optional(PolicyInputList), ...simulated },
    (context: IamContext, { PolicySourceArn: arn, PolicyInputList: documents, ...input }) =>
      simulate(context, withPolicies(context, readSource(context.state, arn), documents), input),
  ),
  SimulateCustomPolicy: action(
    { PolicyInputList, ...simulated },
    (context: IamContext, { PolicyInputList: documents, ...input }) =>
      simulate(context, withPolicies(context, NO_SOURCE, documents), input),
  ),
  GetContextKeysForPrincipalPolicy: action(
    { PolicySourceArn, PolicyInputList: optional(PolicyInputList) },
    (context: IamContext, { PolicySourceArn: arn, PolicyInputList: documents }) =>
      listKeys(withPolicies(context, readSource(context.state, arn), documents)),
  ),
  GetContextKeysForCustomPolicy: action(
    { PolicyInputList },
    (context: IamContext, { PolicyInputList: documents }) =>
      listKeys(withPolicies(context, NO_SOURCE, documents)),
  ),
};

function withPolicies(
  { state }: IamContext,
  source: Source,
  documents: readonly string[] | undefined,
): Source {
  const added = readPolicies(state, 'PolicyInputList', documents);
  return { ...source, policies: [...source.policies, ...added] };
}

function listKeys({ policies }: Source): Record<string, unknown> {
  const names = contextKeysOf(policies.map(({ document }) => document));
  return { ContextKeyNames: { member: names.map(toXmlText) } };
}

/** How many statements are evaluated for a page. As IAM's, a page can have fewer results than a request asks for. */
const MAX_EVALUATIONS = 5000;

/** Evaluates each action on each resource, as far as they are on the page. */
function simulate(
  { state, nowMs }: IamContext,
  { policies, variables }: Source,
  input: Checked<typeof simulated>,
): Record<string, unknown> {
  const { ActionNames, ResourceArns = [], CallerArn, Marker, MaxItems = 100 } = input;
  const list = 'PermissionsBoundaryPolicyInputList';
  const [boundary, ...more] = readPolicies(state, list, input[list]);
  if (more.length > 0) throw invalid('There can be only one permissions boundary policy.');
  const caller = CallerArn === undefined ? variables : callerVariables(CallerArn);
  const given = readContext(input.ContextEntries);
  const evaluate = simulator({
    policies,
    boundary,
    variables: (service) => ({ ...requestVariables(state, service, nowMs), ...caller, ...given }),
  });
  const all = [...policies, ...(boundary ? [boundary] : [])];
  const statements = all.reduce((sum, { document }) => sum + countStatements(document), 1);
  const most = Math.max(1, Math.floor(MAX_EVALUATIONS / statements));
  const resources = ResourceArns.length === 0 ? ['*'] : ResourceArns;
  const { items, next } = page(
    {
      items: Array.from({ length: ActionNames.length * resources.length }, (_, index) => index),
      keyOf: (index) => String(index).padStart(7, '0'),
    },
    {
      list: 'EvaluationResults',
      token: Marker,
      size: Math.min(MaxItems, most),
      invalid: 'Invalid Marker.',
    },
  );
  const member = items.map((index) => {
    const name = ActionNames[Math.floor(index / resources.length)] ?? '';
    const resource = resources[index % resources.length] ?? '';
    return describe(name, resource, evaluate(name, resource));
  });
  return {
    EvaluationResults: { member },
    IsTruncated: next !== undefined,
    ...(next !== undefined && { Marker: next }),
  };
}

/** Returns a result in IAM's format, as it was seen: one with an ARN has the same again for this resource. */
function describe(name: string, resource: string, result: SimulationResult): object {
  const { decision, matched, missingKeys, isAllowedByBoundary } = result;
  const details = {
    MatchedStatements: {
      member: matched.map(({ policy, position }) => ({
        SourcePolicyId: policy.sourceId,
        SourcePolicyType: 'IAM Policy',
        StartPosition: describePosition(position.start),
        EndPosition: describePosition(position.end),
      })),
    },
    MissingContextValues: { member: missingKeys.map(toXmlText) },
    ...(isAllowedByBoundary !== undefined && {
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: isAllowedByBoundary },
    }),
  };
  const EvalResourceName = toXmlText(resource);
  return {
    EvalActionName: toXmlText(name),
    EvalResourceName,
    EvalDecision: decision,
    ...details,
    ...(resource !== '*' && {
      EvalDecisionDetails: '',
      ResourceSpecificResults: {
        member: [{ EvalResourceName, EvalResourceDecision: decision, ...details }],
      },
    }),
  };
}

function describePosition({ line, column }: TextPosition): object {
  return { Line: line, Column: column };
}
