/**
 * The options of a session from environment variables, profiles and configuration files.
 *
 * @packageDocumentation
 */

export { loadSettings, type SettingsInit } from './settings/load.ts';
