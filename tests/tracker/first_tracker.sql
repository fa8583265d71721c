BEGIN TRANSACTION;
CREATE TABLE appointment (
	id TEXT NOT NULL, 
	type TEXT, 
	start_date DATETIME, 
	end_date DATETIME, 
	context_id TEXT, 
	resource_id TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (context_id, resource_id, type), 
	FOREIGN KEY(context_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(resource_id) REFERENCES user (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE asset (
	id TEXT NOT NULL, 
	name TEXT, 
	type_id TEXT, 
	context_id TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (context_id, name, type_id), 
	FOREIGN KEY(type_id) REFERENCES asset_type (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(context_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "asset" VALUES('5d00c7ef-d75f-4784-9818-6a11f9eeb2c8','hero','9e05fede-a186-5ab5-8d3f-c147f857b79d','5832efba-5a4f-4023-a351-a5d106b9095b');
CREATE TABLE asset_type (
	id TEXT NOT NULL, 
	name TEXT, 
	short TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "asset_type" VALUES('d7098bd0-198b-5c1e-a888-d8465390c082','Upload','upload');
INSERT INTO "asset_type" VALUES('257ad621-0650-5dcd-81d0-6a8e01c992b5','Model','geo');
INSERT INTO "asset_type" VALUES('e018f5d1-425c-507e-85af-dd6e2edbbd44','Scene','scene');
INSERT INTO "asset_type" VALUES('c36ee47f-951c-544f-af38-7461a1db7d43','Image sequence','img');
INSERT INTO "asset_type" VALUES('9e05fede-a186-5ab5-8d3f-c147f857b79d','Film','mov');
INSERT INTO "asset_type" VALUES('6cb9a563-dca6-5139-98a5-950b62f8dc3b','Print','print');
CREATE TABLE asset_version (
	id TEXT NOT NULL, 
	version INTEGER, 
	comment TEXT, 
	date DATETIME, 
	is_published BOOLEAN, 
	asset_id TEXT, 
	task_id TEXT, 
	user_id TEXT, 
	status_id TEXT, 
	thumbnail_id TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (asset_id, version), 
	FOREIGN KEY(asset_id) REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(task_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(user_id) REFERENCES user (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(status_id) REFERENCES status (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(thumbnail_id) REFERENCES component (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "asset_version" VALUES('748b35cd-c719-4375-8e8e-d80bf7db05cb',1,'first','2026-11-21 14:57:17.140770',1,'5d00c7ef-d75f-4784-9818-6a11f9eeb2c8','a843539f-779c-4609-a772-be49bb585ac3','dc61108d-7a01-4ec4-8faa-f367cf133e22','15cae852-2a1b-5acf-8e7d-68593843add1',NULL);
CREATE TABLE component (
	id TEXT NOT NULL, 
	name TEXT, 
	file_type TEXT, 
	size FLOAT, 
	system_type TEXT, 
	version_id TEXT, 
	container_id TEXT, 
	padding INTEGER, 
	kind TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(version_id) REFERENCES asset_version (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(container_id) REFERENCES component (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "component" VALUES('6c149a73-eaa2-4a98-bf77-88c2742f260d','stl','.stl',12.0,'file','748b35cd-c719-4375-8e8e-d80bf7db05cb',NULL,NULL,'FileComponent');
CREATE TABLE component_location (
	id TEXT NOT NULL, 
	resource_identifier TEXT, 
	component_id TEXT, 
	location_id TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (component_id, location_id), 
	FOREIGN KEY(component_id) REFERENCES component (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(location_id) REFERENCES location (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "component_location" VALUES('a9983d23-4a31-47a0-9b87-6accb4dc3e44','/x/hero.stl','6c149a73-eaa2-4a98-bf77-88c2742f260d','cb268ecc-8809-11e3-a7e2-20c9d081909b');
CREATE TABLE context (
	id TEXT NOT NULL, 
	name TEXT, 
	context_type TEXT, 
	thumbnail_id TEXT, 
	created_at DATETIME, 
	created_by_id TEXT, 
	parent_id TEXT, 
	full_name TEXT, 
	root TEXT, 
	project_status TEXT, 
	color TEXT, 
	is_private BOOLEAN, 
	start_date DATETIME, 
	end_date DATETIME, 
	project_schema_id TEXT, 
	description TEXT, 
	sort FLOAT, 
	bid FLOAT, 
	project_id TEXT, 
	object_type_id TEXT, 
	status_id TEXT, 
	type_id TEXT, 
	priority_id TEXT, 
	kind TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (parent_id, name, kind), 
	FOREIGN KEY(thumbnail_id) REFERENCES component (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(created_by_id) REFERENCES user (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(parent_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(project_schema_id) REFERENCES project_schema (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(project_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(object_type_id) REFERENCES object_type (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(status_id) REFERENCES status (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(type_id) REFERENCES type (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(priority_id) REFERENCES priority (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "context" VALUES('5a44fa20-64fb-4120-88e0-a502e50305ae','opera','show',NULL,'2026-11-21 14:57:17.100987','dc61108d-7a01-4ec4-8faa-f367cf133e22',NULL,'The Opera',NULL,'active',NULL,0,NULL,NULL,'df1ab8e1-e306-5d36-a64d-e9c0d7ccf3b0',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Project');
INSERT INTO "context" VALUES('5832efba-5a4f-4023-a351-a5d106b9095b','sh010','task',NULL,'2026-11-21 14:57:17.100987','dc61108d-7a01-4ec4-8faa-f367cf133e22','5a44fa20-64fb-4120-88e0-a502e50305ae',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2.5,'5a44fa20-64fb-4120-88e0-a502e50305ae','869d2867-34fe-5711-aaa3-066dd7f7b2fe','15cae852-2a1b-5acf-8e7d-68593843add1','8ac81716-cae7-53de-9ac4-db55355a7526','b1fd9c22-3a90-5525-86f2-faf58f0cf220','Shot');
INSERT INTO "context" VALUES('a843539f-779c-4609-a772-be49bb585ac3','print','task',NULL,'2026-11-21 14:57:17.140770','dc61108d-7a01-4ec4-8faa-f367cf133e22','5832efba-5a4f-4023-a351-a5d106b9095b',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'5a44fa20-64fb-4120-88e0-a502e50305ae','78e5bfda-a861-54f0-8fdb-4d1364589c3a','2512a715-6f67-51bf-829d-44f13cae2d79','8ac81716-cae7-53de-9ac4-db55355a7526','b1fd9c22-3a90-5525-86f2-faf58f0cf220','Task');
CREATE TABLE context_custom_attribute_value (
	configuration_id TEXT NOT NULL, 
	entity_id TEXT NOT NULL, 
	"key" TEXT, 
	value TEXT, 
	PRIMARY KEY (configuration_id, entity_id)
);
INSERT INTO "context_custom_attribute_value" VALUES('cffa5520-bc65-48fe-acc6-17a45e4e12da','5832efba-5a4f-4023-a351-a5d106b9095b','fps','25');
CREATE TABLE custom_attribute_configuration (
	id TEXT NOT NULL, 
	"key" TEXT, 
	label TEXT, 
	entity_type TEXT, 
	is_hierarchical BOOLEAN, 
	"default" TEXT, 
	sort FLOAT, 
	type_id TEXT, 
	project_id TEXT, 
	object_type_id TEXT, 
	PRIMARY KEY (id), 
	UNIQUE ("key", entity_type, project_id, object_type_id), 
	FOREIGN KEY(type_id) REFERENCES custom_attribute_type (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(project_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(object_type_id) REFERENCES object_type (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "custom_attribute_configuration" VALUES('cffa5520-bc65-48fe-acc6-17a45e4e12da','fps',NULL,'task',0,'24',NULL,'a520f7be-542e-5ddb-a704-a68d85f858f5',NULL,'869d2867-34fe-5711-aaa3-066dd7f7b2fe');
CREATE TABLE custom_attribute_type (
	id TEXT NOT NULL, 
	name TEXT, 
	sort FLOAT, 
	PRIMARY KEY (id)
);
INSERT INTO "custom_attribute_type" VALUES('9cf8f6bd-811e-594f-995a-fe592d87e460','text',0.0);
INSERT INTO "custom_attribute_type" VALUES('a520f7be-542e-5ddb-a704-a68d85f858f5','number',1.0);
INSERT INTO "custom_attribute_type" VALUES('82dc702a-2f4b-51f7-88cc-038a6e334f2c','boolean',2.0);
INSERT INTO "custom_attribute_type" VALUES('9704e147-ef75-5055-951a-f9134f6b197d','date',3.0);
INSERT INTO "custom_attribute_type" VALUES('0cf491d2-bdb3-55d8-98b4-4bb68e0f18ad','enumerator',4.0);
CREATE TABLE list (
	id TEXT NOT NULL, 
	name TEXT, 
	is_open BOOLEAN, 
	date DATETIME, 
	sort FLOAT, 
	project_id TEXT, 
	owner_id TEXT, 
	kind TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES context (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(owner_id) REFERENCES user (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE list_object (
	id TEXT NOT NULL, 
	list_id TEXT, 
	entity_id TEXT, 
	created_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (list_id, entity_id), 
	FOREIGN KEY(list_id) REFERENCES list (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE location (
	id TEXT NOT NULL, 
	name TEXT, 
	label TEXT, 
	description TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "location" VALUES('ce9b348f-8809-11e3-821c-20c9d081909b','ftrack.origin',NULL,NULL);
INSERT INTO "location" VALUES('cb268ecc-8809-11e3-a7e2-20c9d081909b','ftrack.unmanaged',NULL,NULL);
INSERT INTO "location" VALUES('cd41be70-8809-11e3-b98a-20c9d081909b','ftrack.review',NULL,NULL);
INSERT INTO "location" VALUES('07b82a97-8cf9-11e3-9383-20c9d081909b','ftrack.connect',NULL,NULL);
INSERT INTO "location" VALUES('3a372bde-05bc-11e4-8908-20c9d081909b','ftrack.server',NULL,NULL);
CREATE TABLE metadata (
	parent_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	parent_type TEXT, 
	value TEXT, 
	PRIMARY KEY (parent_id, "key")
);
INSERT INTO "metadata" VALUES('5832efba-5a4f-4023-a351-a5d106b9095b','a','Shot','b');
CREATE TABLE note (
	id TEXT NOT NULL, 
	content TEXT, 
	date DATETIME, 
	parent_id TEXT, 
	parent_type TEXT, 
	user_id TEXT, 
	in_reply_to_id TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES user (id) DEFERRABLE INITIALLY DEFERRED, 
	FOREIGN KEY(in_reply_to_id) REFERENCES note (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "note" VALUES('5f838e7f-3140-45b1-bed2-a2784cfe701b','Look at this','2026-11-21 14:57:17.175054','a843539f-779c-4609-a772-be49bb585ac3','task','dc61108d-7a01-4ec4-8faa-f367cf133e22',NULL);
CREATE TABLE object_type (
	id TEXT NOT NULL, 
	name TEXT, 
	sort FLOAT, 
	PRIMARY KEY (id)
);
INSERT INTO "object_type" VALUES('cfa6d45f-d43d-5a29-85ec-98acfdfd8e01','Folder',0.0);
INSERT INTO "object_type" VALUES('c15438ff-4455-5f33-ab75-b6ef7201e6b6','Episode',1.0);
INSERT INTO "object_type" VALUES('7de2e5e2-7734-5a30-8f5c-e847ce06f168','Sequence',2.0);
INSERT INTO "object_type" VALUES('869d2867-34fe-5711-aaa3-066dd7f7b2fe','Shot',3.0);
INSERT INTO "object_type" VALUES('82898e3d-3c4f-51df-af99-fcb8408f97c3','AssetBuild',4.0);
INSERT INTO "object_type" VALUES('7161feb8-d66b-59a8-9cf6-09c9b4c7f365','Milestone',5.0);
INSERT INTO "object_type" VALUES('78e5bfda-a861-54f0-8fdb-4d1364589c3a','Task',6.0);
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event TEXT NOT NULL, 
	data TEXT NOT NULL, 
	source TEXT NOT NULL, 
	UNIQUE (event)
);
INSERT INTO "outbox" VALUES(6,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','{"entities": [{"action": "add", "entityId": "left over", "entityType": "task", "keys": [], "changes": {}, "parents": []}]}','{}');
CREATE TABLE priority (
	id TEXT NOT NULL, 
	name TEXT, 
	color TEXT, 
	sort FLOAT, 
	value FLOAT, 
	PRIMARY KEY (id)
);
INSERT INTO "priority" VALUES('b1fd9c22-3a90-5525-86f2-faf58f0cf220','None',NULL,0.0,0.0);
INSERT INTO "priority" VALUES('f4ae7152-e616-5104-a10a-f91dfbd5b9bf','Low',NULL,1.0,1.0);
INSERT INTO "priority" VALUES('eedebc9f-386f-5316-b78d-305eb9bad70e','Medium',NULL,2.0,2.0);
INSERT INTO "priority" VALUES('f15cdb86-2d07-55eb-878c-cea38f367b4e','High',NULL,3.0,3.0);
INSERT INTO "priority" VALUES('ddf49e83-1240-510f-bf4d-19ead7df5116','Urgent',NULL,4.0,4.0);
CREATE TABLE project_schema (
	id TEXT NOT NULL, 
	name TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "project_schema" VALUES('df1ab8e1-e306-5d36-a64d-e9c0d7ccf3b0','Default');
CREATE TABLE state (
	id TEXT NOT NULL, 
	name TEXT, 
	short TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "state" VALUES('87b50aa7-25c3-5a28-9069-aa1498bf3231','Not started','NOT_STARTED');
INSERT INTO "state" VALUES('16e336c0-e1d3-5e54-a658-52818be69eec','In progress','IN_PROGRESS');
INSERT INTO "state" VALUES('f8ad1b16-59ed-54d8-a4b0-2bdae903c0d8','Done','DONE');
INSERT INTO "state" VALUES('912f707a-46e7-5624-94a6-de1ad5db94ba','Blocked','BLOCKED');
CREATE TABLE status (
	id TEXT NOT NULL, 
	name TEXT, 
	color TEXT, 
	sort FLOAT, 
	state_id TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(state_id) REFERENCES state (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "status" VALUES('15cae852-2a1b-5acf-8e7d-68593843add1','Not started','#808080',0.0,'87b50aa7-25c3-5a28-9069-aa1498bf3231');
INSERT INTO "status" VALUES('5f137fd3-af4b-5d4c-bd7c-e6de1ac55e2f','Ready to start','#9ecae1',1.0,'87b50aa7-25c3-5a28-9069-aa1498bf3231');
INSERT INTO "status" VALUES('ad7c6cb2-5e3f-5f69-9376-99d7ff30a6d7','In progress','#3182bd',2.0,'16e336c0-e1d3-5e54-a658-52818be69eec');
INSERT INTO "status" VALUES('4c3d5270-c5fc-5b8e-8bf2-1245c8f45bdb','Pending review','#fdae6b',3.0,'16e336c0-e1d3-5e54-a658-52818be69eec');
INSERT INTO "status" VALUES('2512a715-6f67-51bf-829d-44f13cae2d79','Ready to print','#756bb1',4.0,'16e336c0-e1d3-5e54-a658-52818be69eec');
INSERT INTO "status" VALUES('2db19544-70df-5aa0-b3e2-25c33f889b7e','On hold','#bdbdbd',5.0,'912f707a-46e7-5624-94a6-de1ad5db94ba');
INSERT INTO "status" VALUES('daf9500f-6395-5193-b56d-810cf7730c57','Approved','#31a354',6.0,'f8ad1b16-59ed-54d8-a4b0-2bdae903c0d8');
INSERT INTO "status" VALUES('58dcac16-076e-58a5-8c01-0e1c0eaa7c92','Omitted','#636363',7.0,'912f707a-46e7-5624-94a6-de1ad5db94ba');
CREATE TABLE type (
	id TEXT NOT NULL, 
	name TEXT, 
	color TEXT, 
	sort FLOAT, 
	PRIMARY KEY (id)
);
INSERT INTO "type" VALUES('8ac81716-cae7-53de-9ac4-db55355a7526','Generic',NULL,0.0);
INSERT INTO "type" VALUES('3f4ed66e-e056-503f-998f-05186fbaf368','Modeling',NULL,1.0);
INSERT INTO "type" VALUES('eee3ced6-7615-5133-82db-67707887eea6','Sculpting',NULL,2.0);
INSERT INTO "type" VALUES('e553d58a-63c5-5613-a765-6b222b8bc250','Rigging',NULL,3.0);
INSERT INTO "type" VALUES('d1193862-d1a1-5991-896d-e19cc468ccf9','Texture',NULL,4.0);
INSERT INTO "type" VALUES('0722ea3b-08c7-59ff-849e-6fc391077439','Animation',NULL,5.0);
INSERT INTO "type" VALUES('252725d8-3e93-5013-b658-a6859c6cd17c','FX',NULL,6.0);
INSERT INTO "type" VALUES('d23732b5-6fb1-580d-86bb-7d59e010617e','Layout',NULL,7.0);
INSERT INTO "type" VALUES('50835aa5-397c-5d2c-beab-f8bbdb1a2cc0','Lighting',NULL,8.0);
INSERT INTO "type" VALUES('84bcc6a2-b865-5c18-8e0f-5add54c4f7cc','Rendering',NULL,9.0);
INSERT INTO "type" VALUES('fba9eb14-bc3d-5269-8a03-08c3bfdcf123','Compositing',NULL,10.0);
INSERT INTO "type" VALUES('7cde54e4-068a-5fdc-bc08-a0c7cbe658c0','Previz',NULL,11.0);
INSERT INTO "type" VALUES('dae80ef8-a2aa-564f-9ec4-546c5e5cfb70','Editing',NULL,12.0);
INSERT INTO "type" VALUES('a2d8ab23-562f-5d07-8eaa-c096834e3f1c','Printing',NULL,13.0);
INSERT INTO "type" VALUES('d8367b78-9e79-5d7b-b6c4-35d267f27621','Character',NULL,14.0);
INSERT INTO "type" VALUES('e032d040-6dab-597c-ad89-9c1c6a93a1ea','Prop',NULL,15.0);
CREATE TABLE user (
	id TEXT NOT NULL, 
	username TEXT, 
	first_name TEXT, 
	last_name TEXT, 
	email TEXT, 
	is_active BOOLEAN, 
	created_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (username)
);
INSERT INTO "user" VALUES('dc61108d-7a01-4ec4-8faa-f367cf133e22','admin',NULL,NULL,NULL,1,'2026-11-21 14:57:17.061741');
CREATE INDEX ix_context_priority_id ON context (priority_id);
CREATE INDEX ix_context_parent_id ON context (parent_id);
CREATE INDEX ix_context_object_type_id ON context (object_type_id);
CREATE INDEX ix_context_status_id ON context (status_id);
CREATE INDEX ix_context_created_by_id ON context (created_by_id);
CREATE INDEX ix_context_kind ON context (kind);
CREATE INDEX ix_context_type_id ON context (type_id);
CREATE INDEX ix_context_project_id ON context (project_id);
CREATE INDEX ix_context_project_schema_id ON context (project_schema_id);
CREATE INDEX ix_context_thumbnail_id ON context (thumbnail_id);
CREATE INDEX ix_asset_type_id ON asset (type_id);
CREATE INDEX ix_asset_context_id ON asset (context_id);
CREATE INDEX ix_asset_version_asset_id ON asset_version (asset_id);
CREATE INDEX ix_asset_version_task_id ON asset_version (task_id);
CREATE INDEX ix_asset_version_user_id ON asset_version (user_id);
CREATE INDEX ix_asset_version_status_id ON asset_version (status_id);
CREATE INDEX ix_asset_version_thumbnail_id ON asset_version (thumbnail_id);
CREATE INDEX ix_component_kind ON component (kind);
CREATE INDEX ix_component_container_id ON component (container_id);
CREATE INDEX ix_component_version_id ON component (version_id);
CREATE INDEX ix_appointment_resource_id ON appointment (resource_id);
CREATE INDEX ix_appointment_context_id ON appointment (context_id);
CREATE INDEX ix_component_location_component_id ON component_location (component_id);
CREATE INDEX ix_component_location_location_id ON component_location (location_id);
CREATE INDEX ix_status_state_id ON status (state_id);
CREATE INDEX ix_note_user_id ON note (user_id);
CREATE INDEX ix_note_parent_id ON note (parent_id);
CREATE INDEX ix_note_in_reply_to_id ON note (in_reply_to_id);
CREATE INDEX ix_list_project_id ON list (project_id);
CREATE INDEX ix_list_owner_id ON list (owner_id);
CREATE INDEX ix_list_kind ON list (kind);
CREATE INDEX ix_custom_attribute_configuration_type_id ON custom_attribute_configuration (type_id);
CREATE INDEX ix_custom_attribute_configuration_project_id ON custom_attribute_configuration (project_id);
CREATE INDEX ix_custom_attribute_configuration_object_type_id ON custom_attribute_configuration (object_type_id);
CREATE INDEX ix_list_object_list_id ON list_object (list_id);
CREATE INDEX ix_list_object_entity_id ON list_object (entity_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',6);
COMMIT;
