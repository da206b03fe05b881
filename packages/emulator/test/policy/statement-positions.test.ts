import { describe, expect, it } from 'vitest';
import { statementPositions } from '../../src/policy/statement-positions.ts';

const at = (line: number, column: number) => ({ line, column });

// The numbers are from responses of IAM: examples of the AWS CLI, and for AdministratorAccess.
describe('places of statements', () => {
  it('of one statement without a list', () => {
    const document =
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}';
    expect(statementPositions(document)).toEqual([{ start: at(1, 38), end: at(1, 167) }]);
  });

  it('of a list, over several lines', () => {
    const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
    const document = JSON.stringify({ Version: '2012-10-17', Statement }, undefined, 2);
    expect(statementPositions(document)).toEqual([{ start: at(3, 17), end: at(8, 6) }]);
  });

  it('of several statements, with the key and braces in other places', () => {
    const document =
      '{"Id":"Statement","\\u0053tatement":[\n{"Sid":"}{","Condition":{"Null":{"Statement":"true"}}}, {}]}';
    expect(statementPositions(document)).toEqual([
      { start: at(1, 37), end: at(2, 55) },
      { start: at(2, 55), end: at(2, 59) },
    ]);
  });
});
