#!/usr/bin/env node
/**
 * Prints the countries of the world as NDJSON for `shardgate import`. The data come from the npm package world-countries
 * (see README.md for its licence) and are only reshaped: one entry per country, and entries that lead to it from its
 * capital and its region.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const countries = require("world-countries");

// A reader that went away (`| head`) is no failure.
process.stdout.on("error", () => process.exit());

for (const country of countries) {
  write(`country/${country.cca3}`, {
    name: country.name.common,
    officialName: country.name.official,
    capital: country.capital,
    region: country.region,
    subregion: country.subregion,
    borders: country.borders,
    areaKm2: country.area,
    latitudeLongitude: country.latlng,
    languages: country.languages,
    currencies: country.currencies,
    flag: country.flag,
  });
  write(`region/${country.region}/${country.subregion}/${country.cca3}`, country.name.common);
}

// Two countries may have capitals of one name, and a country may have several capitals or none.
const countriesOfCapital = new Map();
for (const { cca3, capital } of countries) {
  for (const name of capital) countriesOfCapital.set(name, [...(countriesOfCapital.get(name) ?? []), cca3]);
}
for (const [name, codes] of countriesOfCapital) write(`capital/${name}`, codes);

function write(key, value) {
  process.stdout.write(`${JSON.stringify({ key, value })}\n`);
}
