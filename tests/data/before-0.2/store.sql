PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE rounds (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    netuid INTEGER NOT NULL,
    at REAL NOT NULL,
    duration_ms REAL NOT NULL,
    block INTEGER NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at REAL NOT NULL,
    answer_type TEXT NOT NULL,
    truth TEXT,
    profile TEXT NOT NULL,
    consensus REAL NOT NULL,
    agreement REAL NOT NULL,
    winner TEXT,
    clusters TEXT NOT NULL, -- JSON: lists of hotkeys
    request TEXT NOT NULL -- JSON
, scored INTEGER NOT NULL DEFAULT 1, encoder TEXT NOT NULL DEFAULT '');
INSERT INTO rounds VALUES(1,'c-b2971fc5537f',1,1796278987.0818235874,5200.1414449987350963,12,'chat','synthetic',1796278986.4437155723,'text',NULL,'robust',0.032985686652868100032,1.0,'5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97','[["5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf","5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX","5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97","5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy"]]','{"prompt":null,"messages":[{"role":"user","content":"Somebody on the train asked the person beside me, and I have been thinking about it since then. What is 11 decades in years? What I lack is the method, rather than the solution."}],"tools":[],"tool_choice":null,"model":"","max_tokens":192,"temperature":0.7,"top_p":0.95,"response_format":null,"stop":[],"seed":null}',1,'minilm');
INSERT INTO rounds VALUES(2,'c-6b6c2ca30823',1,1796278992.2842941283,1576.320319996739272,15,'chat','synthetic',1796278992.2838163375,'number','6','robust',1.0,0.66666666666666662965,'5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX','[["5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf","5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX","5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97"],["5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy"]]','{"prompt":null,"messages":[{"role":"user","content":"How many of these are musical instruments: shovel, oboe, wrench, drum, cello, flute, harp, violin, screwdriver, drill and hammer? Leave out the working, just write the result."}],"tools":[],"tool_choice":null,"model":"","max_tokens":160,"temperature":0.7,"top_p":0.95,"response_format":null,"stop":[],"seed":null}',1,'minilm');
INSERT INTO rounds VALUES(3,'c-469763f89389',1,1796278995.2856080532,1089.7893139990628696,20,'chat','synthetic',1796278995.2848582267,'number','6','robust',1.0,0.99047365711169199631,'5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX','[["5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf","5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX","5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97"],["5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy"]]','{"prompt":null,"messages":[{"role":"user","content":"This came up at work: How many of these are fruits: pear, banana, peach, horse, spider, falcon, mango, grape, badger and plum? Never mind the way to it, I am after the answer. Thank you."}],"tools":[],"tool_choice":null,"model":"","max_tokens":160,"temperature":0.5,"top_p":0.95,"response_format":null,"stop":[],"seed":null}',1,'minilm');
CREATE TABLE replies (
    round INTEGER NOT NULL REFERENCES rounds (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    netuid INTEGER NOT NULL,
    at REAL NOT NULL,
    uid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    coldkey TEXT NOT NULL,
    ip TEXT NOT NULL,
    status TEXT NOT NULL,
    ms REAL NOT NULL,
    quality REAL NOT NULL,
    score REAL NOT NULL,
    emission REAL NOT NULL,
    cluster TEXT NOT NULL,
    reason TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    parts TEXT NOT NULL, -- JSON: numbers by name
    reasons TEXT NOT NULL, -- JSON: texts
    usage TEXT NOT NULL, -- JSON: counts by name
    tool_calls TEXT NOT NULL, -- JSON: objects
    text TEXT NOT NULL, counted TEXT NOT NULL DEFAULT 'yes', profile TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (round, position)
);
INSERT INTO replies VALUES(1,0,1,1796278987.0818235874,1,'5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf','5FhLCP62yFY6iGNfiwz77cD41HrgAgv1YRY5YQmjoedWBkLB','127.0.0.1','ok',338.25851099754800088,0.032404762803746857413,0.032985496608893292991,0.032985496608893292991,'A','','stop','{"belief":0.9823886082701652,"decided":0.03298549660889329,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.4054651081081642,"accuracy":0.6}','["98% of its claims are backed, by voters trusted at 3%"]','{"prompt_tokens":34,"completion_tokens":42,"total_tokens":76}','[]',replace('- First you need the ratio between both units.\n- Going to the smaller unit one multiplies by that ratio.\n- Towards larger units the number shrinks, so divide.\n- Over several units, go one rung of the ladder at a time.','\n',char(10)),'yes','robust');
INSERT INTO replies VALUES(1,1,1,1796278987.0818235874,2,'5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX','5EAG8oMbNGSjrozZvTUbLx2MpzHM9xRegmqwt3SzrRC9rAxu','127.0.0.1','ok',573.32464099818025715,0.032404762803746857413,0.032985496608893292991,0.032985496608893292991,'A','','stop','{"belief":0.9823886082701652,"decided":0.03298549660889329,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.4054651081081642,"accuracy":0.6}','["98% of its claims are backed, by voters trusted at 3%"]','{"prompt_tokens":34,"completion_tokens":49,"total_tokens":83}','[]','Here is the idea. The key is how often the small unit fits into the large one. Going to the smaller unit one multiplies by that ratio. Divide when the target unit is the larger one. With a unit in the middle, make two conversions one after the other.','yes','robust');
INSERT INTO replies VALUES(1,2,1,1796278987.0818235874,3,'5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97','5EUm37T3CzXVy6mzGdcHfCETkkbGRtDUfcjQUvBdmkiMNbJs','127.0.0.1','ok',298.80978299843263812,0.032985686652868100032,0.032985686652868100032,0.032985686652868100032,'A','','stop','{"belief":1.0,"decided":0.0329856866528681,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.4054651081081642,"accuracy":0.6}','["100% of its claims are backed, by voters trusted at 3%"]','{"prompt_tokens":34,"completion_tokens":41,"total_tokens":75}','[]','Happy to explain. First you need the ratio between both units. Towards smaller units the number grows, so multiply. Divide when the target unit is the larger one. With a unit in the middle, make two conversions one after the other.','yes','robust');
INSERT INTO replies VALUES(1,3,1,1796278987.0818235874,4,'5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy','5Gc5mQJBnTgHPPD7VTU1H5TNmcnVHdER41dc18hrbU192Xub','127.0.0.1','ok',71.80891800089739263,0.0080439924379970724477,0.010723323460299393969,0.010723323460299393969,'A','','stop','{"belief":0.6614515390962095,"decided":0.029085820064374608,"coverage":0.3686787388688318,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.4054651081081642,"accuracy":0.6}','["66% of its claims are backed, by voters trusted at 3%","says 37% of a full answer"]','{"prompt_tokens":34,"completion_tokens":5,"total_tokens":39}','[]','It depends on the circumstances.','yes','robust');
INSERT INTO replies VALUES(2,0,1,1796278992.2842941283,1,'5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf','5FhLCP62yFY6iGNfiwz77cD41HrgAgv1YRY5YQmjoedWBkLB','127.0.0.1','ok',330.71301999734714627,1.0,1.0,1.0,'A','','stop','{"belief":1.0,"decided":1.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.4054651081081642,"accuracy":0.6}','["equals the known answer"]','{"prompt_tokens":27,"completion_tokens":4,"total_tokens":31}','[]','So it is 6.','yes','robust');
INSERT INTO replies VALUES(2,1,1,1796278992.2842941283,2,'5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX','5EAG8oMbNGSjrozZvTUbLx2MpzHM9xRegmqwt3SzrRC9rAxu','127.0.0.1','ok',561.49197999911848455,1.0,1.0,1.0,'A','','stop','{"belief":1.0,"decided":1.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.2027325540540821,"accuracy":0.6}','["equals the known answer"]','{"prompt_tokens":27,"completion_tokens":1,"total_tokens":28}','[]','**6**','yes','robust');
INSERT INTO replies VALUES(2,2,1,1796278992.2842941283,3,'5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97','5EUm37T3CzXVy6mzGdcHfCETkkbGRtDUfcjQUvBdmkiMNbJs','127.0.0.1','ok',259.57591800033696927,1.0,1.0,1.0,'A','','stop','{"belief":1.0,"decided":1.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.2027325540540821,"accuracy":0.6}','["equals the known answer"]','{"prompt_tokens":27,"completion_tokens":1,"total_tokens":28}','[]','**6**','yes','robust');
INSERT INTO replies VALUES(2,3,1,1796278992.2842941283,4,'5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy','5Gc5mQJBnTgHPPD7VTU1H5TNmcnVHdER41dc18hrbU192Xub','127.0.0.1','ok',73.655635002069175243,0.0,0.0,0.0,'B','','stop','{"belief":0.0,"decided":0.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.4054651081081642,"accuracy":0.6}','["differs from the known answer"]','{"prompt_tokens":27,"completion_tokens":5,"total_tokens":32}','[]','It depends on the circumstances.','yes','robust');
INSERT INTO replies VALUES(3,0,1,1796278995.2856080532,1,'5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf','5FhLCP62yFY6iGNfiwz77cD41HrgAgv1YRY5YQmjoedWBkLB','127.0.0.1','ok',285.26538900041487067,1.0,1.0,1.0,'A','','stop','{"belief":1.0,"decided":1.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.6931471805599452,"accuracy":0.6666666666666666}','["equals the known answer"]','{"prompt_tokens":35,"completion_tokens":1,"total_tokens":36}','[]','6','yes','robust');
INSERT INTO replies VALUES(3,1,1,1796278995.2856080532,2,'5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX','5EAG8oMbNGSjrozZvTUbLx2MpzHM9xRegmqwt3SzrRC9rAxu','127.0.0.1','ok',503.50256800084025599,1.0,1.0,1.0,'A','','stop','{"belief":1.0,"decided":1.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.6931471805599452,"accuracy":0.6666666666666666}','["equals the known answer"]','{"prompt_tokens":35,"completion_tokens":3,"total_tokens":38}','[]','That makes 6.','yes','robust');
INSERT INTO replies VALUES(3,2,1,1796278995.2856080532,3,'5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97','5EUm37T3CzXVy6mzGdcHfCETkkbGRtDUfcjQUvBdmkiMNbJs','127.0.0.1','ok',305.75701600173488259,1.0,1.0,1.0,'A','','stop','{"belief":1.0,"decided":1.0,"coverage":1.0,"novelty":0.5,"promptness":1.0,"standing":1.0,"vote":0.6931471805599452,"accuracy":0.6666666666666666}','["equals the known answer"]','{"prompt_tokens":35,"completion_tokens":4,"total_tokens":39}','[]','The answer is 6.','yes','robust');
INSERT INTO replies VALUES(3,3,1,1796278995.2856080532,4,'5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy','5Gc5mQJBnTgHPPD7VTU1H5TNmcnVHdER41dc18hrbU192Xub','127.0.0.1','ok',94.583538000733824446,0.0,0.0,0.0,'B','','stop','{"belief":0.0,"decided":0.0,"coverage":1.0,"novelty":1.0,"promptness":1.0,"standing":1.0,"vote":0.02,"accuracy":0.5}','["differs from the known answer"]','{"prompt_tokens":35,"completion_tokens":5,"total_tokens":40}','[]','It depends on the circumstances.','yes','robust');
CREATE TABLE neurons (
    netuid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    coldkey TEXT NOT NULL,
    uid INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    registered INTEGER NOT NULL DEFAULT 1,
    seen_at REAL NOT NULL,
    rounds INTEGER NOT NULL DEFAULT 0,
    answered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    failures_in_a_row INTEGER NOT NULL DEFAULT 0,
    last_answer_at REAL,
    last_emission REAL,
    PRIMARY KEY (netuid, hotkey)
) WITHOUT ROWID;
INSERT INTO neurons VALUES(1,'5CmBjndv9NpfZUibASzuJhdkopJU2VfmY8W7Dkxs7z2oZgxf','5FhLCP62yFY6iGNfiwz77cD41HrgAgv1YRY5YQmjoedWBkLB',1,'strong-1',1,1796278995.2856080532,3,3,0,0,1796278995.2856080532,1.0);
INSERT INTO neurons VALUES(1,'5EAEqpiD4PCX6j5hZn1FoWS4SyvaNRb7pFJW3BtSiaJFt8Hy','5Gc5mQJBnTgHPPD7VTU1H5TNmcnVHdER41dc18hrbU192Xub',4,'lazy-1',1,1796278995.2856080532,3,3,0,0,1796278995.2856080532,0.0);
INSERT INTO neurons VALUES(1,'5FjyQVDP33BjaCXKSimomxNefgzRic1Grxb5RB9HxKJTyR97','5EUm37T3CzXVy6mzGdcHfCETkkbGRtDUfcjQUvBdmkiMNbJs',3,'strong-2',1,1796278995.2856080532,3,3,0,0,1796278995.2856080532,1.0);
INSERT INTO neurons VALUES(1,'5GMwbJzz8EE1ZEBBSXXn7yMHSxa2f9viptk3vEU8Bu3CKZsX','5EAG8oMbNGSjrozZvTUbLx2MpzHM9xRegmqwt3SzrRC9rAxu',2,'good-1',1,1796278995.2856080532,3,3,0,0,1796278995.2856080532,1.0);
INSERT INTO neurons VALUES(1,'5HKrMTtXPkgiryvqVEckjK3KH8BNyr4FtR2yeuD2LZQpyFNp','5HYHLkhe6DkRjYjCHX2p7mMxLuPxUwxEKmNexxAfrJJHUii8',0,'',1,1796278994.5411186218,0,0,0,0,NULL,NULL);
CREATE TABLE histories (
    netuid INTEGER NOT NULL,
    profile TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (netuid, profile)
);
INSERT INTO histories VALUES(1,'robust',X'83a6726f756e647303a77265636f72647384d93035436d426a6e6476394e70665a55696241537a754a68646b6f704a553256666d59385737446b7873377a326f5a67786684a47365656e02a86f7574636f6d657392920100920200a7616e7377657273929201ce1db87a149202ce1db87a14a6636f7069657380d93035474d77624a7a7a384545315a4542425358586e37794d48537861326639766970746b3376455538427533434b5a735884a47365656e02a86f7574636f6d657392920100920200a7616e7377657273929201ce1db87a149202ce1db87a14a6636f7069657380d93035466a79515644503333426a6143584b53696d6f6d784e6566677a52696331477278623552423948784b4a547952393784a47365656e02a86f7574636f6d657392920100920200a7616e7377657273929201ce1db87a149202ce1db87a14a6636f7069657380d930354541457170694434504358366a35685a6e31466f575334537976614e52623770464a573342745369614a467438487984a47365656e02a86f7574636f6d657392920101920201a7616e737765727392920101920201a6636f7069657380a76b696e7368697083a6726f756e647303a66d696e65727384d93035436d426a6e6476394e70665a55696241537a754a68646b6f704a553256666d59385737446b7873377a326f5a67786694010292cb0000000000000000cb3fffeb851eb851ec9303cb3fb6ffb5e76c6cc0cb3f8af65de53696fad930354541457170694434504358366a35685a6e31466f575334537976614e52623770464a573342745369614a467438487994040292cb3fffeb851eb851eccb3fffeb851eb851ec9303cbbff4b9c81de71e7fcb3f957621c2d50aaed93035466a79515644503333426a6143584b53696d6f6d784e6566677a52696331477278623552423948784b4a547952393794030292cb0000000000000000cb3fffeb851eb851ec9303cbbf82a5db393a0356cb3f5a34dc8659535ed93035474d77624a7a7a384545315a4542425358586e37794d48537861326639766970746b3376455538427533434b5a735894020292cb0000000000000000cb3fffeb851eb851ec9303cb3fe435b9deaeba38cb3f8524e0763f51f3a5706169727380');
CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO cursors VALUES('synthetic:7',3);
CREATE TABLE plans (
    id INTEGER PRIMARY KEY,
    netuid INTEGER NOT NULL,
    at REAL NOT NULL,
    plan TEXT NOT NULL, -- JSON
    outcome TEXT NOT NULL, -- ok, rejected, unknown or skipped
    reason TEXT NOT NULL,
    block INTEGER NOT NULL DEFAULT 0, -- where the chain has it
    reference TEXT NOT NULL DEFAULT ''
);
CREATE TABLE nonces (
    key TEXT PRIMARY KEY,
    until REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO nonces VALUES('5HKrMTtXPkgiryvqVEckjK3KH8BNyr4FtR2yeuD2LZQpyFNp:e434bb88-c505-42d5-81bd-1420accb0fd4',1796279047.0913021563);
INSERT INTO nonces VALUES('5HKrMTtXPkgiryvqVEckjK3KH8BNyr4FtR2yeuD2LZQpyFNp:8488aaef-732d-4e05-9a6e-36a7af08b4bf',1796279047.1140010357);
INSERT INTO nonces VALUES('5HKrMTtXPkgiryvqVEckjK3KH8BNyr4FtR2yeuD2LZQpyFNp:2c3d8faa-f327-4069-bde5-58f460ad46ab',1796279047.1178922652);
INSERT INTO nonces VALUES('5HKrMTtXPkgiryvqVEckjK3KH8BNyr4FtR2yeuD2LZQpyFNp:10747d34-582d-4bf5-8065-dfbd01b54fc2',1796279047.1183686256);
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE likenesses (
    round INTEGER PRIMARY KEY REFERENCES rounds (number) ON DELETE CASCADE,
    value BLOB NOT NULL
);
INSERT INTO likenesses VALUES(1,X'84a76d656d626572739400010203a57061697273c406bdca00e60000a6706f696e74739492cbbfd63f141205bc02cb3fdb9096bb98c7e392cbbfd5bc01a36e2eb2cbbfd19652bd3c361192cbbfd98c7e28240b78cbbfc371758e21965392cb3ff161e4f765fd8bcbbf6ff2e48e8a71dea46b657074cb3fee809d495182aa');
INSERT INTO likenesses VALUES(2,X'84a76d656d626572739400010203a57061697273c40697972eff1212a6706f696e74739492cbbfb816f0068db8bbcb3fe386c226809d4992cbbfdb0a3d70a3d70acbbfcda1cac083126f92cbbfdb0a3d70a3d70acbbfcda1cac083126f92cb3fee0ded288ce704cbbfc2d77318fc5048a46b657074cb3ff0000000000000');
INSERT INTO likenesses VALUES(3,X'84a76d656d626572739400010203a57061697273c406b1b51cb11f27a6706f696e74739492cbbfd54e3bcd35a858cbbfccbfb15b573eab92cbbfd425aee631f8a1cb3fdd2a305532617c92cbbfd231f8a0902de0cbbfcde353f7ced91792cb3fedd2f1a9fbe76dcb3f647ae147ae147ba46b657074cb3feabedfa43fe5c9');
CREATE TABLE score_rules (
    netuid INTEGER PRIMARY KEY,
    rule TEXT NOT NULL -- JSON
, profile TEXT NOT NULL DEFAULT '');
INSERT INTO score_rules VALUES(1,'{"type":"exponential","alpha":0.3,"window_s":86400.0}','robust');
CREATE TABLE penalties (
    netuid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    held INTEGER NOT NULL,
    shown INTEGER,
    PRIMARY KEY (netuid, hotkey)
) WITHOUT ROWID;
CREATE INDEX rounds_by_time ON rounds (at);
CREATE INDEX plans_by_outcome ON plans (netuid, outcome, id);
CREATE INDEX nonces_by_end ON nonces (until);
CREATE INDEX samples ON replies (netuid, hotkey, round, at, emission, counted, profile);
COMMIT;
