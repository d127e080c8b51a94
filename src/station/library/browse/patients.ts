// Patients as the tree shows them: those of a search's studies, each where its first study stands in the sorted list.
import type { PatientRow } from '../../../contract/browse.ts';
import type { StudyQuery } from '../../../contract/dicom.ts';
import type { Db } from '../database.ts';
import { packedColumns } from './packed-numbers.ts';
import type { StudyLists } from './study-lists.ts';

interface StudyOfPatient {
  id: number;
  patient: number;
  patientID: string;
  patientName: string;
  patientBirthDate: string;
  patientSex: string;
  studyDate: string;
  instances: number;
  images: number;
  frames: number;
}

export interface PatientReader {
  patients(query: StudyQuery): { total: number; patients: PatientRow[] };
  /** How many patients the studies of a search have. */
  count(search: Pick<StudyQuery, 'query' | 'filters'>): number;
}

export function patientReader(db: Db, lists: StudyLists): PatientReader {
  const studiesOf = db.prepare<[string], StudyOfPatient>(
    `SELECT id, patient, patientID, patientName, patientBirthDate, patientSex, studyDate, instances, images, frames FROM studies
     WHERE patient IN (SELECT value FROM json_each(?)) ORDER BY patient, studyDate, id`,
  );

  /** Patient number by study id. */
  function patientOf(): Uint32Array {
    return lists.kept('patient of study', () => {
      const { id, patient } = packedColumns(
        db,
        ['id', 'patient'],
        'SELECT id, patient FROM studies ORDER BY patient',
        [],
      );
      const byStudy = new Uint32Array(largest(id) + 1);
      for (let index = 0; index < id.length; index += 1) byStudy[id[index] ?? 0] = patient[index] ?? 0;
      return byStudy;
    });
  }

  function inOrder(list: Uint32Array, descending: boolean): Uint32Array {
    const byStudy = patientOf();
    const seen = new Uint8Array(largest(byStudy) + 1);
    const patients = new Uint32Array(list.length);
    let count = 0;
    for (let index = 0; index < list.length; index += 1) {
      const id = list[descending ? list.length - 1 - index : index] ?? 0;
      const patient = byStudy[id] ?? 0;
      if (seen[patient] === 1) continue;
      seen[patient] = 1;
      patients[count] = patient;
      count += 1;
    }
    return patients.slice(0, count);
  }

  // By the list, not by the search: what a search for a cohort or for the last days finds changes without the index.
  const orders = {
    ascending: new WeakMap<Uint32Array, Uint32Array>(),
    descending: new WeakMap<Uint32Array, Uint32Array>(),
  };
  function keptOrder(list: Uint32Array, descending: boolean): Uint32Array {
    const known = descending ? orders.descending : orders.ascending;
    const order = known.get(list) ?? inOrder(list, descending);
    known.set(list, order);
    return order;
  }

  return {
    patients({ limit, offset, descending, ...search }) {
      const all = keptOrder(lists.list(search), descending);
      const page = [...all.subarray(offset, offset + limit)];
      const found = lists.found(search);
      const studies = studiesOf.all(JSON.stringify(page)).filter(({ id }) => found === null || found.marks[id] === 1);
      const byPatient = Map.groupBy(studies, ({ patient }) => patient);
      return { total: all.length, patients: page.map((patient) => rowOf(patient, byPatient.get(patient) ?? [])) };
    },
    count(search) {
      const found = lists.found(search);
      const byStudy = patientOf();
      const seen = new Uint8Array(largest(byStudy) + 1);
      let count = 0;
      for (let id = 0; id < byStudy.length; id += 1) {
        const patient = byStudy[id] ?? 0;
        // 0 is an id that no study has.
        if (patient === 0 || seen[patient] === 1 || (found !== null && found.marks[id] !== 1)) continue;
        seen[patient] = 1;
        count += 1;
      }
      return count;
    },
  };
}

function largest(numbers: Uint32Array | Float64Array): number {
  let most = 0;
  for (let index = 0; index < numbers.length; index += 1) most = Math.max(most, numbers[index] ?? 0);
  return most;
}

/** Studies of a patient may name it differently: the newest tells. */
function rowOf(patient: number, studies: readonly StudyOfPatient[]): PatientRow {
  const newest = studies.at(-1);
  return {
    patient,
    patientID: newest?.patientID ?? '',
    patientName: newest?.patientName ?? '',
    patientBirthDate: newest?.patientBirthDate ?? '',
    patientSex: newest?.patientSex ?? '',
    studies: studies.length,
    instances: studies.reduce((sum, { instances }) => sum + instances, 0),
    images: studies.reduce((sum, { images }) => sum + images, 0),
    frames: studies.reduce((sum, { frames }) => sum + frames, 0),
    lastStudyDate: newest?.studyDate ?? '',
  };
}
