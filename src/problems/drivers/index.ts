import type { ErrorFields } from '../error-fields.js';
import type { DriverErrors } from './driver.js';
import { mongodb } from './mongodb.js';
import { mssql } from './mssql.js';
import { mysql } from './mysql.js';
import { oracle } from './oracle.js';
import { postgresql } from './postgresql.js';
import { sqlite } from './sqlite.js';

/** Every database. MongoDB comes before PostgreSQL: its numbers may have five digits, as an SQLSTATE has. */
export const DRIVERS: readonly DriverErrors[] = [sqlite, mysql, mssql, oracle, mongodb, postgresql];

/** Whose error it is, by its shape. */
export const driverOf = (error: unknown, fields: ErrorFields, converted: boolean): DriverErrors | undefined =>
  DRIVERS.find(driver => driver.recognises(error, fields, converted));
