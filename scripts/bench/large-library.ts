// A made-up library of 100,000 studies and a million instances, written straight through the index writer: no file
// lies behind its instances.
import { openDatabase } from '../../src/station/library/database.ts';
import { indexWriter, type ReadInstance } from '../../src/station/library/index-writer.ts';
import { leavingFiles } from '../../src/station/library/leaving-files.ts';

export const largeStudies = 100_000;
const instancesPerStudy = 10;
const studiesPerBatch = 2_000;

const families = [
  'Smith', 'Jones', 'Müller', 'García', 'Nguyen', 'Kowalska', 'Rossi', 'Okafor', 'Haddad', 'Lindqvist', 'Dubois',
  'Ivanova', 'Sato', 'Kim', 'Patel', 'Silva', 'Yilmaz', 'Cohen', "O'Brien", 'van der Berg',
  'Yamada^Tarou=山田^太郎', 'Hong^Gildong=洪^吉洞=홍^길동', 'Иванов', 'Παπαδόπουλος', 'قباني',
]; // prettier-ignore
const givens = ['Anna', 'John', 'María', 'Li', 'Peter', 'Fatima', 'Noah', 'Ida', 'José', 'Zoë', 'Omar', 'Mei'];
const kinds = [
  { modality: 'CT', part: 'CHEST', words: ['CT chest with contrast', 'CT thorax low dose'] },
  { modality: 'MR', part: 'BRAIN', words: ['MR brain', 'MR head and neck'] },
  { modality: 'CR', part: 'CHEST', words: ['Chest PA and lateral'] },
  { modality: 'US', part: 'ABDOMEN', words: ['US abdomen'] },
  { modality: 'MG', part: 'BREAST', words: ['Mammography screening'] },
  { modality: 'CT', part: 'ABDOMEN', words: ['CT abdomen and pelvis', 'CT urography'] },
  { modality: 'PT', part: 'WHOLEBODY', words: ['PET/CT whole body'] },
];
const scanners = [
  ['SIEMENS', 'SOMATOM Force'], ['SIEMENS', 'MAGNETOM Vida'], ['GE MEDICAL SYSTEMS', 'Revolution CT'],
  ['Philips', 'Ingenia'], ['CANON', 'Aquilion ONE'], ['FUJIFILM', 'FDR'],
] as const; // prettier-ignore
const syntaxes = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.70'];
const thicknesses = [0.6, 1, 1.5, 2, 3, 5];

/** Writes the library into `folder`: about half a minute and 900 MB. The same every time. */
export function writeLargeLibrary(folder: string, studies = largeStudies): void {
  const db = openDatabase(folder);
  const writer = indexWriter(db, leavingFiles(db, folder));
  db.pragma('synchronous = OFF');
  let batch: ReadInstance[] = [];
  for (let study = 0; study < studies; study += 1) {
    addStudy(batch, study);
    if ((study + 1) % studiesPerBatch === 0 || study === studies - 1) {
      writer.insert(batch);
      batch = [];
    }
  }
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

/** One study's instances; also what a bench imports while it asks. */
export function addStudy(batch: ReadInstance[], study: number): void {
  const random = randomFrom(study + 1);
  // Most patients have one study, some up to five.
  const patient = Math.floor(study * 0.6);
  const patientRandom = randomFrom(patient + 7_919);
  const family = pick(families, patientRandom);
  const given = pick(givens, patientRandom);
  const kind = pick(kinds, random);
  const birthYear = 1930 + Math.floor(patientRandom() * 90);
  const year = Math.max(birthYear, 2008 + Math.floor(random() * 18));
  const [manufacturer, manufacturerModelName] = pick(scanners, random);
  const description = pick(kind.words, random) + (random() < 0.0005 ? ' spondylodiscitis' : '');
  const transferSyntaxUID = pick(syntaxes, random);
  const seriesCount = 1 + Math.floor(random() * 4);
  for (let instance = 0; instance < instancesPerStudy; instance += 1) {
    const series = instance % seriesCount;
    batch.push({
      source: '',
      stored: `/archive/${patient}/${study}/${instance}.dcm`,
      isCopy: false,
      fileBytes: 300_000 + ((study * 17 + instance) % 250_000),
      modifiedMs: 1_700_000_000_000,
      headerHash: '00'.repeat(32),
      fileHash: null,
      surplusBytes: 0,
      record: {
        sopInstanceUID: `1.2.826.0.1.7.${study}.${series}.${instance}`,
        sopClassUID: '1.2.840.10008.5.1.4.1.1.2',
        studyInstanceUID: `1.2.826.0.1.${2 + (study % 5)}.${study}`,
        seriesInstanceUID: `1.2.826.0.1.7.${study}.${series}`,
        transferSyntaxUID,
        patientID: `P${String(patient).padStart(7, '0')}`,
        patientName: family.includes('^') ? family : `${family}^${given}`,
        patientBirthDate: date(birthYear, patientRandom),
        patientSex: patientRandom() < 0.51 ? 'F' : patientRandom() < 0.97 ? 'M' : '',
        patientAgeYears: year - birthYear,
        studyDate: date(year, random),
        // Of its number: the other values of a library stay as they were.
        studyTime:
          study % 50 === 0
            ? ''
            : `${String(7 + (study % 12)).padStart(2, '0')}${String((study * 7) % 60).padStart(2, '0')}00`,
        institutionName: ['General Hospital', 'St. Mary’s', ''][study % 3] ?? '',
        studyDescription: description,
        accessionNumber: `A${String(1_000_000 + ((study * 7_919) % 9_000_000))}`,
        modality: kind.modality,
        seriesDescription: `${kind.part} ${series + 1}`,
        seriesNumber: series + 1,
        bodyPartExamined: kind.part,
        manufacturer,
        manufacturerModelName,
        sliceThicknessMm: kind.modality === 'CT' || kind.modality === 'MR' ? pick(thicknesses, random) : null,
        instanceNumber: instance + 1,
        frames: 1,
        rows: 512,
        columns: 512,
        position: instance,
        normal: '0 0 1',
        pixelOffset: 2_000,
        pixelBytes: 524_288,
        damaged: null,
        acquisition: '1',
        acquisitionTime: '101500',
        pixelSpacing: '0.7\\0.7',
        alongRow: -180,
        alongColumn: -180,
        gantryTilt: null,
        burnedIn: 'NO',
        missing: '',
      },
    });
  }
}

function date(year: number, random: () => number): string {
  const month = 1 + Math.floor(random() * 12);
  return `${year}${String(month).padStart(2, '0')}${String(1 + Math.floor(random() * 28)).padStart(2, '0')}`;
}

function pick<Value>(values: readonly Value[], random: () => number): Value {
  return values[Math.floor(random() * values.length)] as Value;
}

/** mulberry32: small, fast, the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let written = 0;

/** One more study through a connection of its own: a change of the index, as in a running import. */
export function writeMore(folder: string): void {
  const db = openDatabase(folder);
  const batch: ReadInstance[] = [];
  addStudy(batch, largeStudies + (Date.now() % 1_000_000) * 10 + (written += 1));
  indexWriter(db, leavingFiles(db, folder)).insert(batch);
  db.close();
}
